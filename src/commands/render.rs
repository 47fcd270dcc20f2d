//! `konta render`: the exact templates and parameters that would be sent.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::model::{Environment, Tenant, Workspace};
use crate::report::output;
use crate::stack::build::Builder;
use crate::stack::scope::{Scope, Shared, wanted};
use crate::stack::{DesiredStack, Observed, ParameterValue, StackKind};

use super::{CommandError, Context, gather};

/// Write the templates and parameters that would be sent.
///
/// Values that only a deployed stack can give are written as {"Output": "stack.Key"}. A new tenant's cell and the priority of its
/// listener rule are those an empty environment would give.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RenderArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// Everything in the workspace
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, Subcommand)]
enum What {
    /// An environment with its first cell
    Env {
        /// Its name
        name: Option<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Tenants with their addons
    Tenant {
        /// Their names
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
    /// Write files here instead of to standard output: STACK.yml and STACK.parameters.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How templates are written
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Yaml,
    /// The bytes that are sent
    Json,
}

/// Renders.
pub fn run(context: &Context, args: &RenderArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let workspace = &loaded.workspace;
    let builder = Builder::new(workspace, &loaded.composer);
    let mut sink = Sink::new(match &args.what {
        Some(What::Env { form, .. } | What::Tenant { form, .. }) => form,
        None => &args.form,
    })?;
    match &args.what {
        Some(What::Env { name, .. }) => {
            let environment = context.environment(workspace, name.as_deref())?;
            each(&builder, workspace, environment, Shared::All, Vec::new(), &mut sink)?;
        }
        Some(What::Tenant { names, all, .. }) => {
            let environment = context.environment_of(workspace, names)?;
            let tenants = gather::tenants(workspace, environment, names, *all)?;
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
                message: "render what?".to_owned(),
                help: "konta render env [NAME], konta render tenant NAME..., or konta render --all".to_owned(),
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
    let placements = crate::stack::scope::placements(workspace, environment, &tenants, &observed);
    let cells: std::collections::BTreeSet<_> = placements.values().map(|placement| placement.cell).collect();
    for stack in builder.environment(environment)? {
        sink.put(&stack)?;
    }
    for cell in cells {
        sink.put(&builder.cell(environment, cell)?)?;
    }
    // One tenant at a time: ten thousand are never in memory together.
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
    count: usize,
    out: std::io::BufWriter<std::io::Stdout>,
    /// Templates already turned into text, by their digest: tenants of one shape share one.
    texts: BTreeMap<[u8; 32], String>,
}

impl<'a> Sink<'a> {
    fn new(form: &'a Form) -> Result<Self, CommandError> {
        if let Some(out) = &form.out {
            std::fs::create_dir_all(out)
                .map_err(|source| CommandError::Io { what: format!("cannot make {}", out.display()), source })?;
        }
        Ok(Self { form, count: 0, out: std::io::BufWriter::new(std::io::stdout()), texts: BTreeMap::new() })
    }

    fn put(&mut self, stack: &DesiredStack) -> Result<(), CommandError> {
        let digest = *stack.document.digest();
        if !self.texts.contains_key(&digest) {
            let text = match self.form.format {
                Format::Yaml => stack.document.yaml(),
                Format::Json => format!("{}\n", stack.document.body()),
            };
            self.texts.insert(digest, text);
        }
        let text = self.texts.get(&digest).map(String::as_str).unwrap_or_default();
        let parameters = parameters(stack);
        match &self.form.out {
            Some(folder) => {
                let ending = if self.form.format == Format::Yaml { "yml" } else { "json" };
                write_file(&folder.join(format!("{}.{ending}", stack.name)), text.as_bytes())?;
                let mut rendered = serde_json::to_vec_pretty(&parameters).map_err(std::io::Error::from)?;
                rendered.push(b'\n');
                write_file(&folder.join(format!("{}.parameters.json", stack.name)), &rendered)?;
            }
            None => match self.form.format {
                Format::Yaml => {
                    let parameters = serde_yaml::to_string(&parameters).unwrap_or_default();
                    write!(
                        self.out,
                        "---\n# stack {}\nStackName: {}\n{parameters}Template:\n",
                        stack.name, stack.name
                    )?;
                    for line in text.lines() {
                        writeln!(self.out, "{}{line}", if line.is_empty() { "" } else { "  " })?;
                    }
                }
                Format::Json => {
                    let mut whole = json!({"StackName": stack.name, "Template": stack.document.value()});
                    if let (Value::Object(whole), Value::Object(parameters)) = (&mut whole, parameters) {
                        whole.extend(parameters);
                    }
                    writeln!(self.out, "{whole}")?;
                }
            },
        }
        self.count += 1;
        Ok(())
    }

    fn finish(mut self, context: &Context) -> Result<(), CommandError> {
        self.out.flush()?;
        if let Some(folder) = &self.form.out {
            if context.format().is_json() {
                output::print_json(&json!({"stacks": self.count, "folder": folder}))?;
            } else {
                output::print_text(&format!("{} stacks written to {}", self.count, folder.display()))?;
            }
        }
        Ok(())
    }
}

fn parameters(stack: &DesiredStack) -> Value {
    let parameters: BTreeMap<&str, Value> = stack
        .parameters
        .iter()
        .map(|(name, value)| {
            let value = match value {
                ParameterValue::Literal(text) => json!(text),
                ParameterValue::Output { stack, output } => json!({"Output": format!("{stack}.{output}")}),
            };
            (name.as_str(), value)
        })
        .collect();
    json!({"Parameters": parameters, "Tags": stack.tags, "TerminationProtection": stack.protected})
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    std::fs::write(path, bytes)
        .map_err(|source| CommandError::Io { what: format!("cannot write {}", path.display()), source })
}
