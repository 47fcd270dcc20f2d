//! What konta sends to CloudFormation: rendered from manifests, then judged as CloudFormation and the services behind it would.
//!
//! A comment names the section of the collected facts about AWS that a test holds the templates to.

mod conditions;
mod determinism;
mod evaluate;
mod injection;
mod known_pitfalls;
mod limits;
mod overrides;
mod page;
mod placement;
mod privilege;
mod random;
mod values;
mod workspace;
