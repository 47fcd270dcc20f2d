//! `konta logs`: shows the log of a tenant or a pool.

pub mod since;

use std::io::{self, BufWriter};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::deploy::observe;
use crate::model::CellNumber;
use crate::odoo::log::Level;
use crate::report::log::{LogStyle, second, write_lines};
use crate::report::{Palette, message, output};
use crate::stack::runtime::{self, LogSource, TenantRuntime};
use crate::stack::{Observed, ObservedStack};
use crate::task::log::{self, Reader};
use crate::task::log_filter::{Line, Selection};
use crate::task::stopped::{self, Found, Stopped};

use self::since::moment;
use super::running_tenant::RunningTenant;
use super::session::Session;
use super::{CommandError, Context};

/// Show the log of a tenant or a pool
///
/// For a pooled tenant these are the lines about its database in the log of its cell's pool. A traceback belongs to the
/// line above it. Without --since and --tail, shows the last 100 lines of the last day.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct LogsArgs {
    /// Tenant
    #[arg(required_unless_present = "pool")]
    tenant: Option<String>,
    /// Show all lines of a shared Odoo instead, including those about no tenant
    #[arg(long, conflicts_with = "tenant")]
    pool: bool,
    /// With --pool: cell [default: the only one with a pool]
    #[arg(long, requires = "pool", value_name = "NUMBER")]
    cell: Option<u32>,
    /// Keep showing new lines, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Start: how long ago (90s, 15m, 2h, 3d), or a time (14:30, 2026-11-25, "2026-11-25 14:30", 2026-11-25T14:30:00Z)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// End, in the same forms as --since
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    until: Option<String>,
    /// Number of last lines to show
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,
    /// Show only lines with this text, in upper or lower case; a traceback with it is shown whole
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Show only lines of this level and more severe ones
    #[arg(long, value_enum)]
    level: Option<Least>,
    /// Show the load balancer's health checks, too: a line every few seconds
    #[arg(long)]
    checks: bool,
    /// Show the service's last stopped task: why it stopped, its exit code, its lines. With --task, show that task,
    /// which may be a one-off task: an installation, an upgrade, a backup, a restore, `konta run`
    #[arg(long, conflicts_with_all = ["follow", "pool"])]
    previous: bool,
    /// Show only this task: its id or the beginning of it
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Show times in UTC instead of this machine's time zone
    #[arg(long)]
    utc: bool,
}

/// The least severe level to show.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Least {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

/// How many lines to show by default.
const TAIL: usize = 100;
/// How far to look back by default, in milliseconds: a day.
const BACK: i64 = 24 * 60 * 60 * 1000;
/// How late a stopped task's lines may reach the log, in milliseconds.
const AFTER: i64 = 10 * 60 * 1000;

/// What to read.
struct Asked {
    session: Session,
    source: LogSource,
    selection: Selection,
    stopped: Option<Stopped>,
}

/// Shows them.
pub async fn run(context: &Context, args: &LogsArgs) -> Result<u8, CommandError> {
    let zone = if args.utc { TimeZone::UTC } else { TimeZone::system() };
    let now = Timestamp::now();
    let when = |text: &Option<String>| text.as_deref().map(|text| parsed(text, now, &zone)).transpose();
    let (since, until) = (when(&args.since)?, when(&args.until)?);
    let asked = asked(context, args).await?;
    let style = LogStyle {
        format: context.format(),
        palette: Palette::for_stdout(context.global().no_color),
        with_task: args.task.is_none() && asked.stopped.is_none(),
        zone,
    };
    if let Some(stopped) = &asked.stopped {
        say_stopped(context, stopped, &style)?;
    }
    let (since, until, tail) = span(args, now, since, until, asked.stopped.as_ref());
    let shown = show(&asked, args.follow, (since, until), tail, &style).await?;
    if shown == 0 && !context.format().is_json() {
        let task = args.task.as_ref().map(|task| format!(" of task {task}")).unwrap_or_default();
        message::note(context.palette(), &format!("no such lines{task} since {}", second(since, &style.zone)));
    }
    Ok(0)
}

fn parsed(text: &str, now: Timestamp, zone: &TimeZone) -> Result<i64, CommandError> {
    moment(text, now, zone).ok_or_else(|| CommandError::Usage {
        message: format!("`{text}` is not a time"),
        help: "write how long ago (90s, 15m, 2h, 3d), or a time: 14:30, 2026-11-25, \"2026-11-25 14:30\", 2026-11-25T14:30:00Z"
            .to_owned(),
    })
}

async fn asked(context: &Context, args: &LogsArgs) -> Result<Asked, CommandError> {
    let mut selection = Selection {
        database: None,
        least: args.level.map(|level| match level {
            Least::Debug => Level::Debug,
            Least::Info => Level::Info,
            Least::Warning => Level::Warning,
            Least::Error => Level::Error,
            Least::Critical => Level::Critical,
        }),
        text: args.filter.clone(),
        checks: args.checks,
    };
    let Some(name) = &args.tenant else {
        let (session, mut source) = of_pool(context, args.cell).await?;
        source.streams.push_str(args.task.as_deref().unwrap_or_default());
        return Ok(Asked { session, source, selection, stopped: None });
    };
    let running = RunningTenant::of(context, name).await?;
    let (mut source, database) = runtime::log_of(&running.observed, &running.names, &running.tenant)?;
    // Of one task that is asked for by name all lines, also those about no database.
    selection.database = database.filter(|_| !(args.previous && args.task.is_some()));
    let stopped = if args.previous { Some(previous(&running, args.task.as_deref()).await?) } else { None };
    let task = stopped.as_ref().map(|stopped| stopped.task.as_str()).or(args.task.as_deref());
    source.streams.push_str(task.unwrap_or_default());
    Ok(Asked { session: running.session, source, selection, stopped })
}

/// The task that is meant by `--previous`.
async fn previous(running: &RunningTenant, asked: Option<&str>) -> Result<Stopped, CommandError> {
    let (aws, tenant) = (&running.session.aws, &running.tenant);
    let runtime = TenantRuntime::of(&running.observed, &running.names, tenant)?;
    let unknown = |message: String, help: String| CommandError::Unknown { message, help };
    let Some(asked) = asked else {
        let none =
            || unknown(format!("no task of {tenant} has stopped"), format!("`konta logs {tenant}` shows running ones"));
        return stopped::last(aws, &runtime).await?.ok_or_else(none);
    };
    match stopped::one(aws, &runtime, asked).await? {
        Some(Found::Stopped(stopped)) => Ok(stopped),
        Some(Found::Runs(task)) => Err(unknown(
            format!("the task {task} is still running"),
            format!("`konta logs {tenant} --task {task} -f` follows it"),
        )),
        None => Err(unknown(
            format!("{tenant} has no task {asked}"),
            "find its id at the beginning of a line of `konta logs`, or in the message of a failed command".to_owned(),
        )),
    }
}

/// The log of the pool of a cell, or of the only cell that has one.
async fn of_pool(context: &Context, cell: Option<u32>) -> Result<(Session, LogSource), CommandError> {
    let loaded = context.load()?;
    let environment = context.environment(&loaded.workspace, None)?;
    let session = context.session(&loaded, environment).await?;
    let names = loaded.names(environment);
    let application = loaded.workspace.application.as_str();
    let observed = observe::sweep(&session.aws, application, environment.name.as_str()).await?;
    let pools = pools(&observed);
    let list = || pools.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let cell = match (cell.and_then(CellNumber::new), pools.as_slice()) {
        (Some(cell), _) if pools.contains(&cell) => cell,
        (None, [only]) if cell.is_none() => *only,
        (_, []) => {
            return Err(CommandError::Unknown {
                message: format!("no cell of {} has a pool", environment.name),
                help: "`konta logs NAME` shows a tenant's lines".to_owned(),
            });
        }
        _ => {
            return Err(CommandError::Usage {
                message: "no single cell with a pool was named".to_owned(),
                help: format!("name one with --cell; these have a pool: {}", list()),
            });
        }
    };
    let source = runtime::log_of_pool(&observed, &names, cell)?;
    Ok((session, source))
}

fn pools(observed: &Observed) -> Vec<CellNumber> {
    observed
        .iter()
        .filter(|stack| stack.outputs.contains_key("PoolTaskDefinitionArn"))
        .filter_map(ObservedStack::own_cell)
        .collect()
}

/// Start, end, and the number of last lines to show.
fn span(
    args: &LogsArgs,
    now: Timestamp,
    since: Option<i64>,
    until: Option<i64>,
    stopped: Option<&Stopped>,
) -> (i64, Option<i64>, Option<usize>) {
    let now = now.as_millisecond();
    let tail = args.tail.or((since.is_none()).then_some(TAIL));
    let until = until.or_else(|| stopped.and_then(|stopped| stopped.at).map(|at| at + AFTER));
    let from = since.or_else(|| stopped.map(|stopped| stopped.from)).unwrap_or(until.unwrap_or(now) - BACK);
    (from, until, tail)
}

/// The task whose lines follow, for programs.
#[derive(Debug, Serialize)]
struct StoppedTask<'a> {
    event: &'static str,
    exit_code: Option<i32>,
    reason: Option<&'a str>,
    stopped_at: Option<String>,
    task: &'a str,
}

fn say_stopped(context: &Context, stopped: &Stopped, style: &LogStyle) -> Result<(), CommandError> {
    if context.format().is_json() {
        let at = stopped.at.and_then(|at| Timestamp::from_millisecond(at).ok());
        return Ok(output::print_json_line(&StoppedTask {
            event: "task",
            exit_code: stopped.exit_code,
            reason: stopped.reason.as_deref(),
            stopped_at: at.map(|at| at.to_string()),
            task: &stopped.task,
        })?);
    }
    let when = stopped.at.map(|at| format!(" at {}", second(at, &style.zone))).unwrap_or_default();
    let code = stopped.exit_code.map(|code| format!(" with exit code {code}")).unwrap_or_default();
    let why = match &stopped.reason {
        Some(reason) => format!(": {reason}"),
        None => "; ECS no longer knows why".to_owned(),
    };
    message::note(context.palette(), &format!("task {} stopped{when}{code}{why}", stopped.task));
    Ok(())
}

/// Reads and writes lines, and returns how many there were. If the reader closes the pipe, that is not an error.
async fn show(
    asked: &Asked,
    follow: bool,
    (since, until): (i64, Option<i64>),
    tail: Option<usize>,
    style: &LogStyle,
) -> Result<usize, CommandError> {
    let (aws, polling) = (&asked.session.aws, asked.session.polling);
    let mut out = BufWriter::new(io::stdout().lock());
    let mut shown = 0;
    let mut write = |lines: &[Line]| {
        shown += lines.len();
        write_lines(&mut out, lines, style)
    };
    let mut reader = match tail {
        Some(count) => {
            let end = until.unwrap_or_else(|| Timestamp::now().as_millisecond());
            let span = (since, end);
            let (lines, reader) =
                log::last(aws, polling, &asked.source, &asked.selection, span, (count, until.is_none())).await?;
            if let Err(gone) = write(&lines) {
                return closed(gone, shown);
            }
            if !follow {
                return Ok(shown);
            }
            reader
        }
        None => Reader::new(aws, polling, &asked.source, asked.selection.clone(), since, until),
    };
    loop {
        while let Some(lines) = reader.page().await? {
            if let Err(gone) = write(&lines) {
                return closed(gone, shown);
            }
        }
        if !follow {
            return Ok(shown);
        }
        tokio::time::sleep(log::interval(aws)).await;
    }
}

/// A reader that has closed the pipe (`konta logs NAME | head`) is not an error.
fn closed(error: io::Error, shown: usize) -> Result<usize, CommandError> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(shown.max(1)) } else { Err(error.into()) }
}
