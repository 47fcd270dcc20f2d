//! `konta render`: writes the exact templates and parameters that konta would send.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::Value;

use crate::model::{Environment, Tenant, Workspace};
use crate::report::output;
use crate::stack::build::Builder;
use crate::stack::scope::{Scope, Shared, wanted};
use crate::stack::{DesiredStack, LoadedWorkspace, Observed, ParameterValue, StackKind, validate};

use super::{CommandError, Context, context};

/// Write the templates and parameters that konta would send
///
/// Values that only a deployed stack can give are written as {"Output": "stack.Key"}. A tenant's cell and the priority
/// of its listener rule are those that it would get in an empty environment.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RenderArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// Render everything in the workspace
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, Subcommand)]
enum What {
    /// An environment with its first cell
    Env {
        /// Environment [default: the only one]
        name: Option<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Tenants with their addons
    Tenant {
        /// Tenants
        #[arg(required_unless_present = "all")]
        names: Vec<String>,
        /// All tenants of the environment
        #[arg(long, conflicts_with = "names")]
        all: bool,
        #[command(flatten)]
        form: Form,
    },
}

#[derive(Debug, Clone, Args)]
struct Form {
    /// Folder for files STACK.yml and STACK.parameters.json [default: standard output]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Form of the templates [default: yaml, or json with --output json]
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Yaml,
    /// The bytes that konta sends
    Json,
}

/// Renders.
pub fn run(context: &Context, args: &RenderArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    validate::override_names(&loaded)?;
    match render(context, args, &loaded) {
        Err(CommandError::Template(error)) => Err(validate::with_all_others(&loaded, error).into()),
        // A reader that has closed the pipe is not an error.
        Err(CommandError::Io { reason, .. }) if reason.kind() == std::io::ErrorKind::BrokenPipe => Ok(0),
        done => done,
    }
}

fn render(context: &Context, args: &RenderArgs, loaded: &LoadedWorkspace) -> Result<u8, CommandError> {
    let workspace = &loaded.workspace;
    let builder = loaded.builder();
    let form = match &args.what {
        Some(What::Env { form, .. } | What::Tenant { form, .. }) => form,
        None => &args.form,
    };
    let mut sink = Sink::new(form, context.format().is_json())?;
    match &args.what {
        Some(What::Env { name, .. }) => {
            let environment = context.environment(workspace, name.as_deref())?;
            each(&builder, workspace, environment, Shared::All, Vec::new(), &mut sink)?;
        }
        Some(What::Tenant { names, all, .. }) => {
            let environment = context.environment_of(workspace, names)?;
            let tenants = context::tenants(workspace, environment, names, *all)?;
            each(&builder, workspace, environment, Shared::Needed, tenants, &mut sink)?;
        }
        None if args.all => {
            for environment in workspace.environments.values() {
                let tenants = workspace.tenants_of(&environment.name).collect();
                each(&builder, workspace, environment, Shared::All, tenants, &mut sink)?;
            }
        }
        None => {
            return Err(CommandError::Usage {
                message: "nothing to render was named".to_owned(),
                help: "run `konta render env [NAME]`, `konta render tenant NAME...` or `konta render --all`".to_owned(),
            });
        }
    }
    sink.finish(context)?;
    Ok(0)
}

fn each(
    builder: &Builder<'_>,
    workspace: &Workspace,
    environment: &Environment,
    shared: Shared,
    tenants: Vec<&Tenant>,
    sink: &mut Sink<'_>,
) -> Result<(), CommandError> {
    let only_tenants = shared == Shared::Needed;
    let observed = Observed::default();
    if only_tenants || tenants.is_empty() {
        let scope = Scope { shared, tenants };
        for stack in wanted(builder, workspace, environment, &scope, &observed)?.stacks {
            if !only_tenants || matches!(stack.kind, StackKind::Tenant(_) | StackKind::Addon(..)) {
                sink.put(&stack)?;
            }
        }
        return Ok(());
    }
    let placements = crate::stack::placement::placements(workspace, environment, &tenants, &observed);
    let cells: std::collections::BTreeSet<_> = placements.values().map(|placement| placement.cell).collect();
    for stack in builder.environment(environment)? {
        sink.put(&stack)?;
    }
    for cell in cells {
        sink.put(&builder.cell(environment, cell, false)?)?;
    }
    // One tenant at a time, so that ten thousand are never in memory together.
    for tenant in tenants {
        if let Some(placement) = placements.get(&tenant.name) {
            for stack in builder.tenant(environment, tenant, *placement)? {
                sink.put(&stack)?;
            }
        }
    }
    Ok(())
}

/// Where rendered stacks go: files, or one stream.
struct Sink<'a> {
    form: &'a Form,
    format: Format,
    count: usize,
    out: std::io::BufWriter<std::io::Stdout>,
    /// Templates already turned into YAML, by their digest: tenants of one shape share one.
    texts: BTreeMap<[u8; 32], String>,
}

/// The most templates kept as YAML: more than there are shapes, but fewer than ten thousand tenants with their own
/// variables.
const KEPT_TEXTS: usize = 32;

impl<'a> Sink<'a> {
    fn new(form: &'a Form, is_json: bool) -> Result<Self, CommandError> {
        let format = form.format.unwrap_or(if is_json { Format::Json } else { Format::Yaml });
        if let Some(out) = &form.out {
            std::fs::create_dir_all(out).map_err(|source| CommandError::Io {
                what: format!("cannot create {}", out.display()),
                reason: source,
            })?;
        }
        Ok(Self { form, format, count: 0, out: std::io::BufWriter::new(std::io::stdout()), texts: BTreeMap::new() })
    }

    fn put(&mut self, stack: &DesiredStack) -> Result<(), CommandError> {
        let rendered = Rendered::new(stack);
        match (&self.form.out, self.format) {
            (Some(folder), format) => {
                let parameters =
                    format!("{}\n", serde_json::to_string_pretty(&rendered).map_err(std::io::Error::from)?);
                write_file(&folder.join(format!("{}.parameters.json", stack.name)), parameters.as_bytes())?;
                if format == Format::Json {
                    write_file(
                        &folder.join(format!("{}.json", stack.name)),
                        format!("{}\n", stack.document.body()).as_bytes(),
                    )?;
                } else {
                    write_file(&folder.join(format!("{}.yml", stack.name)), self.yaml(stack).as_bytes())?;
                }
            }
            (None, Format::Json) => {
                let whole = Whole { stack_name: &stack.name, template: stack.document.value(), rendered };
                serde_json::to_writer(&mut self.out, &whole).map_err(std::io::Error::from)?;
                self.out.write_all(b"\n")?;
            }
            (None, Format::Yaml) => {
                let parameters = serde_yaml::to_string(&rendered).unwrap_or_default();
                write!(self.out, "---\n# stack {}\nStackName: {}\n{parameters}Template:\n", stack.name, stack.name)?;
                let text = self.yaml(stack);
                for line in text.lines() {
                    writeln!(self.out, "{}{line}", if line.is_empty() { "" } else { "  " })?;
                }
            }
        }
        self.count += 1;
        Ok(())
    }

    fn yaml(&mut self, stack: &DesiredStack) -> String {
        let digest = *stack.document.digest();
        if let Some(text) = self.texts.get(&digest) {
            return text.clone();
        }
        let text = stack.document.yaml();
        if self.texts.len() < KEPT_TEXTS {
            self.texts.insert(digest, text.clone());
        }
        text
    }

    fn finish(mut self, context: &Context) -> Result<(), CommandError> {
        self.out.flush()?;
        if let Some(folder) = &self.form.out {
            let result = Written { folder, stacks: self.count };
            if context.format().is_json() {
                output::print_json(&result)?;
            } else {
                output::print_text(&format!("{} stacks written to {}", result.stacks, result.folder.display()))?;
            }
        }
        Ok(())
    }
}

/// What konta sends in addition to the template.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Rendered<'a> {
    parameters: BTreeMap<&'a str, Shown<'a>>,
    tags: &'a BTreeMap<String, String>,
    termination_protection: bool,
}

/// A parameter's value, or where it will come from.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Value(&'a str),
    From {
        #[serde(rename = "Output")]
        output: String,
    },
}

/// Where so many stacks were written.
#[derive(Debug, Serialize)]
struct Written<'a> {
    folder: &'a Path,
    stacks: usize,
}

/// A stack in one line of JSON.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Whole<'a> {
    stack_name: &'a str,
    #[serde(flatten)]
    rendered: Rendered<'a>,
    template: &'a Value,
}

impl<'a> Rendered<'a> {
    fn new(stack: &'a DesiredStack) -> Self {
        let shown = |value: &'a ParameterValue| match value {
            ParameterValue::Literal(text) => Shown::Value(text),
            ParameterValue::Output { stack, output } => Shown::From { output: format!("{stack}.{output}") },
        };
        Self {
            parameters: stack.parameters.iter().map(|(name, value)| (name.as_str(), shown(value))).collect(),
            tags: &stack.tags,
            termination_protection: stack.protected,
        }
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    std::fs::write(path, bytes)
        .map_err(|source| CommandError::Io { what: format!("cannot write {}", path.display()), reason: source })
}
