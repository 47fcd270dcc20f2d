//! Documents -> what must happen: still pure, no AWS, no clock.

pub mod build;
pub mod change;
pub mod desired;
pub mod location;
mod manifest_values;
pub mod names;
pub mod observed;
mod parameter_values;
pub mod placement;
pub mod plan;
pub mod priority;
pub mod risk;
pub mod runtime;
pub mod scope;
pub mod tags;
pub mod validate;
pub mod waves;
pub mod workspace;

pub use desired::{DesiredStack, ParameterValue, StackKind};
pub use observed::{Observed, ObservedStack};
pub use plan::{Action, Plan, PlanSource, StackPlan};
pub use workspace::LoadedWorkspace;

pub use crate::stack::change::{PropertyChange, Replacement, ResourceAction, ResourceChange, Risk, ValueChange};
