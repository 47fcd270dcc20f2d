//! What konta sends to CloudFormation: rendered from manifests, then judged as CloudFormation and the services behind it would.
//!
//! A comment names the section of the collected facts about AWS that a test holds the templates to.

mod effective;
mod evaluate;
mod limits;
mod literals;
mod overrides;
mod page;
mod placement;
mod privilege;
mod random;
mod same;
mod traps;
mod values;
mod workspace;
