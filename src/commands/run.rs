//! `konta run`: runs a command of the operator's in a one-off task.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use crate::model::size::FargateSize;
use crate::report::log::{LogStyle, harmless, write_lines};
use crate::report::{Palette, message, output, prompt};
use crate::stack::runtime::TenantRuntime;
use crate::task::log;
use crate::task::log_filter::Line;
use crate::task::one_off::{self, Ended, Watch};

use super::running_tenant::RunningTenant;
use super::session::Session;
use super::signals::Signals;
use super::{CommandError, Context};

/// Run a command in a one-off task, and follow it to its end
///
/// The task is like the tenant's or its pool's: the same image, configuration, files and role, with the tenant's
/// database. konta prints its lines to standard output and ends with the command's exit code. The task runs on standard
/// capacity, never on Spot.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Tenant
    tenant: String,
    /// CPU units and MiB, such as 1024/2048 [default: the tenant's]
    #[arg(long, value_name = "CPU/MEMORY", value_parser = size)]
    size: Option<FargateSize>,
    /// Start the task, print its id, and do not wait
    #[arg(long)]
    detach: bool,
    /// Command and its arguments, after --
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    command: Vec<String>,
}

fn size(text: &str) -> Result<FargateSize, String> {
    let numbers = text.split_once('/').and_then(|(cpu, memory)| Some((cpu.parse().ok()?, memory.parse().ok()?)));
    let (cpu, memory) = numbers.ok_or("write CPU units and MiB, such as 1024/2048")?;
    FargateSize::new(cpu, memory).map_err(|error| format!("{error}: {}", error.help))
}

/// Runs it.
pub async fn run(context: &Context, args: &RunArgs) -> Result<u8, CommandError> {
    let running = RunningTenant::of(context, &args.tenant).await?;
    let runtime = TenantRuntime::of(&running.observed, &running.names, &running.tenant)?;
    for warning in one_off::warnings(&args.command) {
        message::warning(context.palette(), warning);
    }
    let session = &running.session;
    let from = Timestamp::now().as_millisecond() - CLOCK;
    let size = args.size.map(|size| (size.cpu(), size.memory()));
    let arn = one_off::start(&session.aws, &runtime, &args.command, size).await?;
    let task = Task { context, session, runtime: &runtime, arn: &arn };
    if args.detach {
        return task.leave(0);
    }
    if context.format().is_json() {
        output::print_json_line(&json!({"event": "task", "task": task.id()}))?;
    } else {
        let about = if session.aws.is_sandbox() { "" } else { "; it takes about a minute to start" };
        message::note(context.palette(), &format!("the task is {}{about}", task.id()));
    }
    task.follow(from).await
}

/// How much this machine's clock and AWS's may differ, in milliseconds.
const CLOCK: i64 = 10 * 60 * 1000;

/// The task that was started.
struct Task<'a> {
    context: &'a Context,
    session: &'a Session,
    runtime: &'a TenantRuntime,
    arn: &'a str,
}

/// What happens to a task after a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    GoOn,
    Stop,
    Leave,
}

impl Task<'_> {
    fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or(self.arn)
    }

    async fn follow(&self, from: i64) -> Result<u8, CommandError> {
        let aws = &self.session.aws;
        let log = one_off::log_of(self.runtime, self.arn);
        let mut watch = Watch::new(aws, self.session.polling, &self.runtime.cluster, self.arn, &log, from);
        let mut signals = Signals::listen()?;
        let mut stopping = false;
        loop {
            // A reading is never interrupted half-way: what it has read would be lost.
            let round = watch.round().await?;
            self.show(&round.lines)?;
            if let Some(ended) = round.ended {
                return self.finish(ended, stopping);
            }
            tokio::select! {
                _ = signals.next() => match self.wish(&mut signals, stopping).await? {
                    Wish::GoOn => {}
                    Wish::Stop => {
                        stopping = true;
                        message::note(self.context.palette(), "stopping the task; press Ctrl-C again to leave without waiting");
                        aws.stop_task(&self.runtime.cluster, self.arn, "stopped by konta run").await?;
                    }
                    Wish::Leave => return self.leave(130),
                },
                () = tokio::time::sleep(log::interval(aws)) => {}
            }
        }
    }

    /// What to do after Ctrl-C. Without a terminal konta cannot ask, and stops the task, because nobody waits for it.
    async fn wish(&self, signals: &mut Signals, stopping: bool) -> Result<Wish, CommandError> {
        if stopping {
            return Ok(Wish::Leave);
        }
        if self.context.global().yes || !prompt::can_ask() {
            return Ok(Wish::Stop);
        }
        let question = "Stop the task? (no: keep following it; Ctrl-C: leave it running)";
        match prompt::confirm_unless(question, signals.next()).await {
            Ok(true) => Ok(Wish::Stop),
            Ok(false) => Ok(Wish::GoOn),
            Err(prompt::PromptError::Cancelled) => Ok(Wish::Leave),
            Err(error) => Err(error.into()),
        }
    }

    /// Shows the command's lines as if it ran here.
    fn show(&self, lines: &[Line]) -> Result<(), CommandError> {
        let mut out = io::stdout().lock();
        let written = if self.context.format().is_json() {
            let style = LogStyle {
                format: self.context.format(),
                palette: Palette::plain(),
                zone: jiff::tz::TimeZone::UTC,
                with_task: false,
            };
            write_lines(&mut out, lines, &style)
        } else {
            let at_terminal = out.is_terminal();
            let mut text = String::new();
            for line in lines {
                text.push_str(&if at_terminal { harmless(&line.text) } else { line.text.as_str().into() });
                text.push('\n');
            }
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
        match written {
            // A reader that has closed the pipe still waits for the command's end.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }

    fn leave(&self, code: u8) -> Result<u8, CommandError> {
        if self.context.format().is_json() {
            output::print_json_line(&json!({"event": "result", "task": self.id(), "detached": true}))?;
            return Ok(code);
        }
        if code == 0 {
            output::print_text(self.id())?;
        }
        let follow = format!("`konta logs {} --task {} -f` follows it", self.runtime.tenant, self.id());
        message::hint(self.context.palette(), &follow);
        Ok(code)
    }

    fn finish(&self, ended: Ended, stopped: bool) -> Result<u8, CommandError> {
        let Some(code) = ended.exit_code else {
            return Err(CommandError::NotRun {
                task: self.id().to_owned(),
                reason: ended.reason.unwrap_or_else(|| "ECS gives no reason".to_owned()),
                help: if self.session.aws.runs_tasks() {
                    "check that the image exists and can be reached, that the secrets' parameters exist, and that Fargate vCPUs are left"
                } else {
                    "start the sandbox with `konta sandbox start --with-odoo`"
                },
            });
        };
        // "Essential container exited" says nothing new; a reason such as too little memory does.
        let telling = ended.reason.as_deref().filter(|reason| !reason.starts_with("Essential container"));
        let reason = telling.map(|reason| format!(": {reason}")).unwrap_or_default();
        if self.context.format().is_json() {
            output::print_json_line(&json!({
                "event": "result", "ok": code == 0, "task": self.id(), "exit_code": code, "reason": ended.reason,
            }))?;
        } else if code != 0 {
            message::note(self.context.palette(), &format!("the command ended with exit code {code}{reason}"));
        }
        Ok(if stopped { 130 } else { u8::try_from(code).unwrap_or(1) })
    }
}
