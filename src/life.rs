//! A tenant's life after its deployment: where it runs, what its tasks said, a session in one, a task for once. Steps may be repeated;
//! nothing here prints, prompts or exits.

pub mod inside;
pub mod logs;
pub mod moment;
pub mod once;
pub mod place;
pub mod select;
pub mod stopped;
