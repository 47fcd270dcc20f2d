//! Documents -> what must happen: still pure, no AWS, no clock.

pub mod build;
mod context;
pub mod desired;
pub mod names;
pub mod observed;
pub mod order;
pub mod plan;
pub mod priority;
pub mod risk;
pub mod scope;
mod values;

pub use desired::{DesiredStack, ParameterValue, StackKind};
pub use observed::{Observed, ObservedStack};
pub use plan::{
    Action, Plan, PlanSource, PropertyChange, Replacement, ResourceAction, ResourceChange, StackPlan, ValueChange,
};
pub use risk::Risk;
