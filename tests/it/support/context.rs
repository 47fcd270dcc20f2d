//! What operations work with, for tests that script AWS: the example's environment, and nobody who listens or interrupts.

use std::sync::LazyLock;

use konta::aws::Aws;
use konta::model::Workspace;
use konta::operation::event::Events;
use konta::operation::interrupt::Interrupt;
use konta::operation::{Context, Polling};
use konta::stack::Observed;
use konta::stack::names::Names;
use tokio::sync::{mpsc, watch};

use crate::scripted::aws_odd_answers::example;

/// For the environment of the example, with AWS's own intervals.
pub fn context(aws: &Aws, observed: Observed) -> Context<'_> {
    static WORKSPACE: LazyLock<Workspace> = LazyLock::new(|| example().0);
    let (sender, _receiver) = mpsc::unbounded_channel();
    let (_interrupt, interrupts) = watch::channel(Interrupt::None);
    Context {
        aws,
        environment: WORKSPACE.environments.values().next().unwrap(),
        names: Names::new("konta", "prod"),
        polling: Polling::aws(),
        events: Events(sender),
        interrupts,
        standing: observed.into(),
        steps: konta::operation::step::Steps::default(),
    }
}
