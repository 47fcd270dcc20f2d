//! `konta cost --template`: prices any CloudFormation template.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::commands::{CommandError, Context};
use crate::cost::evaluate::Inputs;
use crate::cost::workspace::CostReport;
use crate::cost::{Profile, Usage, estimate};
use crate::template::Document;
use crate::template::condition::Known;

/// Prices a template file.
pub(super) fn price(
    context: &Context,
    path: &Path,
    parameters: &[String],
    usage: Option<&Path>,
) -> Result<CostReport, CommandError> {
    let name = path.display().to_string();
    let document = Document::parse(&name, &super::read(path)?)?;
    let inputs = Inputs { region: region(context)?, parameters: given(parameters)? };
    let usage = match usage {
        None => Usage::of(Profile::general()),
        Some(file) => {
            let file_name = file.display().to_string();
            let usage = Usage::parse(&file_name, &super::read(file)?, Profile::general())?;
            let resources = document.resources().keys();
            let resources: BTreeMap<&str, BTreeSet<&str>> =
                resources.map(|id| (id.as_str(), BTreeSet::from([document.resource_type(id)]))).collect();
            usage.check_resources(&file_name, &resources)?;
            usage
        }
    };
    let prices = context.prices()?;
    let mut whole = estimate::of_document(&name, &document, &inputs, &usage, &prices)?;
    whole.add(&estimate::of_account(&inputs.region, &usage, &prices));
    Ok(CostReport::of_template(&inputs.region, usage.hours(), whole))
}

/// `--region`, otherwise the region in the variables that AWS's tools read.
fn region(context: &Context) -> Result<String, CommandError> {
    let from_environment = || ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| std::env::var(name).ok());
    let region = context.global().region.clone().or_else(from_environment).filter(|region| !region.is_empty());
    region.ok_or_else(|| CommandError::Usage {
        message: "no region was given".to_owned(),
        help: "name it with --region, such as --region eu-west-1, or set AWS_REGION".to_owned(),
    })
}

fn given(parameters: &[String]) -> Result<Known, CommandError> {
    let mut known = Known::new();
    for parameter in parameters {
        let (key, value) = parameter.split_once('=').ok_or_else(|| CommandError::Usage {
            message: format!("--parameter {parameter} has no `=`"),
            help: "write --parameter KEY=VALUE".to_owned(),
        })?;
        known.insert(key.to_owned(), Some(value.to_owned()));
    }
    Ok(known)
}
