use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::operation::{OperationEvent, StepOutcome};
use crate::report::Palette;
use crate::stack::Action;

use super::{Drawer, Tree, draw};

const CELL: &str = "konta-prod-cell-1";
const TENANT: &str = "konta-prod-tenant-breadfree";

fn at(second: u32) -> String {
    format!("2026-11-24T12:{:02}:{:02}Z", 3 + second / 60, second % 60)
}

fn now(second: u32) -> Timestamp {
    at(second).parse().unwrap()
}

fn started(stack: &str, title: &str, action: Action, second: u32) -> OperationEvent {
    OperationEvent::StackStarted { stack: stack.into(), title: title.into(), action, at: at(second) }
}

fn resource(stack: &str, id: &str, sentence: &str, status: &str, reason: Option<&str>, second: u32) -> OperationEvent {
    OperationEvent::Resource {
        stack: stack.into(),
        logical_id: id.into(),
        resource_type: if id == "Service" { "AWS::ECS::Service" } else { "AWS::Some::Thing" }.into(),
        description: sentence.into(),
        status: status.into(),
        reason: reason.map(Into::into),
        at: at(second),
    }
}

fn service(failed: i32, stopped_reason: Option<&str>, second: u32) -> OperationEvent {
    OperationEvent::Service {
        stack: TENANT.into(),
        service: "breadfree".into(),
        desired: 2,
        running: 1,
        pending: 0,
        failed,
        rollout: "IN_PROGRESS".into(),
        stopped_reason: stopped_reason.map(Into::into),
        at: at(second),
    }
}

fn step(name: &str, title: &str, second: u32) -> OperationEvent {
    OperationEvent::StepStarted { stack: TENANT.into(), step: name.into(), title: title.into(), at: at(second) }
}

fn step_end(name: &str, outcome: StepOutcome, detail: Option<&str>, second: u32) -> OperationEvent {
    let (stack, step, detail) = (TENANT.into(), name.into(), detail.map(Into::into));
    OperationEvent::StepFinished { stack, step, outcome, detail, at: at(second) }
}

fn finished(stack: &str, title: &str, status: &str, ok: bool, seconds: u32, second: u32) -> OperationEvent {
    OperationEvent::StackFinished {
        stack: stack.into(),
        title: title.into(),
        status: status.into(),
        ok,
        elapsed_ms: u64::from(seconds) * 1000,
        at: at(second),
    }
}

/// A cell made, then a tenant of it whose first task runs out of memory.
fn story() -> Vec<OperationEvent> {
    vec![
        finished("konta-prod", "environment prod", "UNCHANGED", true, 0, 0),
        started(CELL, "cell 1", Action::Create, 1),
        resource(CELL, CELL, "cell 1", "CREATE_IN_PROGRESS", Some("User Initiated"), 1),
        resource(CELL, "LoadBalancer", "The load balancer of the cell", "CREATE_IN_PROGRESS", None, 3),
        resource(CELL, "LoadBalancer", "The load balancer of the cell", "CREATE_COMPLETE", None, 63),
        finished(CELL, "cell 1", "CREATE_COMPLETE", true, 64, 65),
        started(TENANT, "tenant breadfree", Action::Update, 66),
        step("database", "Make the database breadfree", 66),
        step_end("database", StepOutcome::AlreadyDone, None, 67),
        step("modules", "Install the modules", 67),
        step_end("modules", StepOutcome::NotRun, Some("the sandbox runs no containers"), 68),
        resource(TENANT, "Task", "The task definition", "UPDATE_COMPLETE", None, 70),
        resource(TENANT, "Service", "The Odoo service", "UPDATE_IN_PROGRESS", None, 71),
        service(0, None, 72),
        service(1, Some("OutOfMemoryError: container killed\ndue to memory usage"), 90),
        service(1, Some("OutOfMemoryError: container killed\ndue to memory usage"), 95),
        resource(TENANT, "Rule", "Rule (AWS::Some::Thing)", "UPDATE_FAILED", Some("Resource update cancelled"), 96),
        resource(TENANT, "Service", "The Odoo service", "UPDATE_FAILED", Some("the circuit breaker was triggered"), 97),
        OperationEvent::Note { text: "CloudFormation rolls the tenant back".into(), at: at(98) },
        finished(TENANT, "tenant breadfree", "UPDATE_ROLLBACK_COMPLETE", false, 60, 126),
    ]
}

/// A writer whose content can be read after the drawer took it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

async fn drawn(drawer: Drawer, events: Vec<OperationEvent>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    for event in events {
        sender.send(event).unwrap();
    }
    drop(sender);
    draw(receiver, drawer).await.unwrap();
}

/// The lines above the tree, and the tree after the events.
fn told(events: &[OperationEvent], second: u32, height: usize) -> String {
    let mut tree = Tree::new(Palette::plain());
    let above: Vec<String> = events.iter().flat_map(|event| tree.apply(event)).collect();
    format!("{}\n---\n{}", above.join("\n"), tree.lines(now(second), 80, height).join("\n"))
}

#[tokio::test]
async fn without_a_terminal_every_event_is_a_line() {
    let out = Shared::default();
    drawn(Drawer::lines_to("prod", Palette::plain(), Box::new(out.clone())), story()).await;
    insta::assert_snapshot!(out.text(), @"
    12:03:00Z prod  konta-prod  UNCHANGED  environment prod done in 0s
    12:03:01Z prod  konta-prod-cell-1  STARTED  cell 1: create
    12:03:01Z prod  konta-prod-cell-1  CREATE_IN_PROGRESS  cell 1: User Initiated
    12:03:03Z prod  konta-prod-cell-1  CREATE_IN_PROGRESS  The load balancer of the cell (LoadBalancer)
    12:04:03Z prod  konta-prod-cell-1  CREATE_COMPLETE  The load balancer of the cell (LoadBalancer)
    12:04:05Z prod  konta-prod-cell-1  CREATE_COMPLETE  cell 1 done in 1m04s
    12:04:06Z prod  konta-prod-tenant-breadfree  STARTED  tenant breadfree: update
    12:04:06Z prod  konta-prod-tenant-breadfree  STEP_STARTED  Make the database breadfree
    12:04:07Z prod  konta-prod-tenant-breadfree  STEP_ALREADY_DONE  database
    12:04:07Z prod  konta-prod-tenant-breadfree  STEP_STARTED  Install the modules
    12:04:08Z prod  konta-prod-tenant-breadfree  STEP_NOT_RUN  modules: the sandbox runs no containers
    12:04:10Z prod  konta-prod-tenant-breadfree  UPDATE_COMPLETE  The task definition (Task)
    12:04:11Z prod  konta-prod-tenant-breadfree  UPDATE_IN_PROGRESS  The Odoo service (Service)
    12:04:12Z prod  konta-prod-tenant-breadfree  ROLLOUT_IN_PROGRESS  breadfree: 2 desired, 1 running, 0 failed
    12:04:30Z prod  konta-prod-tenant-breadfree  ROLLOUT_IN_PROGRESS  breadfree: 2 desired, 1 running, 1 failed – last stopped: OutOfMemoryError: container killed due to memory usage
    12:04:35Z prod  konta-prod-tenant-breadfree  ROLLOUT_IN_PROGRESS  breadfree: 2 desired, 1 running, 1 failed – last stopped: OutOfMemoryError: container killed due to memory usage
    12:04:36Z prod  konta-prod-tenant-breadfree  UPDATE_FAILED  Rule (AWS::Some::Thing): Resource update cancelled
    12:04:37Z prod  konta-prod-tenant-breadfree  UPDATE_FAILED  The Odoo service (Service): the circuit breaker was triggered
    12:04:38Z prod  note: CloudFormation rolls the tenant back
    12:05:06Z prod  konta-prod-tenant-breadfree  UPDATE_ROLLBACK_COMPLETE  tenant breadfree FAILED in 1m00s
    ");
}

#[tokio::test]
async fn for_machines_every_event_is_a_json_object() {
    let out = Shared::default();
    let events = vec![service(1, Some("two\nlines"), 90), finished(CELL, "cell 1", "CREATE_COMPLETE", true, 64, 65)];
    drawn(Drawer::Json(Box::new(out.clone())), events).await;
    insta::assert_snapshot!(out.text(), @r#"
    {"event":"service","stack":"konta-prod-tenant-breadfree","service":"breadfree","desired":2,"running":1,"pending":0,"failed":1,"rollout":"IN_PROGRESS","stopped_reason":"two\nlines","at":"2026-11-24T12:04:30Z"}
    {"event":"stack_finished","stack":"konta-prod-cell-1","title":"cell 1","status":"CREATE_COMPLETE","ok":true,"elapsed_ms":64000,"at":"2026-11-24T12:04:05Z"}
    "#);
}

#[test]
fn the_tree_shows_what_is_under_way_and_ended_stacks_are_one_line_above_it() {
    insta::assert_snapshot!(told(&story()[..14], 80, 24), @"
    ✓ cell 1  konta-prod-cell-1  created in 1m04s
    ! not run  konta-prod-tenant-breadfree  Install the modules: the sandbox runs no containers
    ---
    ⠋ tenant breadfree  konta-prod-tenant-breadfree  updating  14s
        ✓ The task definition  updated  0s
        ⠋ The Odoo service  updating  9s
            2 desired, 1 running, 0 failed
        = Make the database breadfree  already done  1s
        ! Install the modules  not run  1s: the sandbox runs no containers
    1 in progress, 1 done, 1 unchanged  1m20s
    ");
}

#[test]
fn failures_stay_above_the_tree_with_their_reason_once() {
    insta::assert_snapshot!(told(&story(), 126, 24), @"
    ✓ cell 1  konta-prod-cell-1  created in 1m04s
    ! not run  konta-prod-tenant-breadfree  Install the modules: the sandbox runs no containers
    ✗ task stopped  konta-prod-tenant-breadfree  breadfree: OutOfMemoryError: container killed due to memory usage
    ✗ UPDATE_FAILED  konta-prod-tenant-breadfree  The Odoo service (Service): the circuit breaker was triggered
    note: CloudFormation rolls the tenant back
    ✗ tenant breadfree  konta-prod-tenant-breadfree  rolled back (UPDATE_ROLLBACK_COMPLETE) in 1m00s
    ---
    1 done, 1 failed, 1 unchanged  2m06s
    ");
}

#[test]
fn the_closing_sentence_counts_and_takes_its_time_from_the_events() {
    let mut tree = Tree::new(Palette::plain());
    assert_eq!(tree.closing(), None);
    for event in story() {
        tree.apply(&event);
    }
    insta::assert_snapshot!(tree.closing().unwrap(), @"1 done, 1 failed, 1 unchanged in 2m06s");
}

#[test]
fn a_low_terminal_shows_what_is_under_way_before_what_is_done() {
    let mut events = vec![started(CELL, "cell 1", Action::Create, 0)];
    for index in 0..20 {
        let status = if index == 13 { "CREATE_IN_PROGRESS" } else { "CREATE_COMPLETE" };
        events.push(resource(CELL, &format!("R{index}"), &format!("Resource {index}"), status, None, index));
    }
    insta::assert_snapshot!(told(&events, 30, 8), @"
    ---
    ⠋ cell 1  konta-prod-cell-1  creating  30s
        ⠋ Resource 13  creating  17s
        … and 19 more
    1 in progress  30s
    ");
}

#[test]
fn hundreds_of_stacks_never_pass_the_height_or_the_width() {
    let mut tree = Tree::new(Palette::coloured());
    for index in 0..300 {
        let name = format!("konta-prod-tenant-{}-{index}", "long".repeat(8));
        tree.apply(&started(&name, "tenant of a rather long title", Action::Create, 0));
        tree.apply(&resource(&name, "Service", &"long sentence ".repeat(9), "CREATE_IN_PROGRESS", None, 1));
    }
    for (width, height) in [(80, 24), (20, 3), (300, 1000), (1, 1)] {
        let lines = tree.lines(now(9), width, height);
        assert!(lines.len() <= height.max(2), "{} lines of {height}", lines.len());
        assert!(lines.iter().all(|line| console::measure_text_width(line) <= width));
    }
    let lines = tree.lines(now(9), 80, 24);
    assert!(lines[lines.len() - 2].contains("279 more in progress"), "{lines:?}");
}

#[test]
fn a_step_after_its_stack_has_ended_brings_the_stack_back_until_it_is_done() {
    let mut tree = Tree::new(Palette::plain());
    tree.apply(&started(TENANT, "tenant breadfree", Action::Create, 0));
    tree.apply(&finished(TENANT, "tenant breadfree", "CREATE_COMPLETE", true, 5, 5));
    assert_eq!(tree.lines(now(5), 80, 24), ["1 done  5s"]);
    tree.apply(&step("probe", "Ask the address", 6));
    assert_eq!(tree.lines(now(7), 80, 24).len(), 3);
    tree.apply(&step_end("probe", StepOutcome::Done, None, 8));
    assert_eq!(tree.lines(now(8), 80, 24), ["1 done  8s"]);
}
