//! What an operator sees: whole workspaces in, rendered problems out.

use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::model::{AddonName, ApplicationName, EnvironmentName, Isolation, TenantName, Workspace};

mod messages;
mod rules;

const KONTA: &str = "\
application: konta
currency: EUR
exchange_rate: { usd: 1.1403, date: 2026-09-25 }
image: odoo:19.0@sha256:144175ec0039d52daff1d79f7e51c9281ca3c98b96c830feb49d09764a9f5d7c
tiers:
  catalogue: { price: 15, isolation: pooled, modules: [website] }
  production: { price: 50.50, isolation: dedicated, modules: [website, stock], tasks: {min: 1, max: 2}, on_demand: 1 }
";
const PROD: &str = "account: \"012345678901\"\nregion: eu-west-1\ndomain: konta.shop\n";
const ARTISTA: &str = "tier: catalogue\nhosts: [artista.konta.shop]\n";
const BREADFREE: &str = "tier: production\nhosts: [breadfree.konta.shop]\n";

/// A sound workspace in which some files are replaced or added.
fn workspace(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sound = [("konta.yml", KONTA), ("environments/prod.yml", PROD), ("tenants/artista.yml", ARTISTA)];
    for (path, text) in sound.iter().chain(files) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn loaded(files: &[(&str, &str)]) -> Workspace {
    load(workspace(files).path()).unwrap_or_else(|problems| panic!("{}", render(&problems)))
}

fn problems(files: &[(&str, &str)]) -> Problems {
    load(workspace(files).path()).unwrap_err()
}

/// `file:line code` of each problem.
fn places(files: &[(&str, &str)]) -> Vec<String> {
    let place = |p: &Problem| {
        format!("{}:{} {}", p.file(), p.line().unwrap_or(0), p.kind().as_str().rsplit(':').next().unwrap())
    };
    problems(files).iter().map(place).collect()
}

fn render(problems: &Problems) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut text = String::new();
    handler.render_report(&mut text, problems).unwrap();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn rendered(files: &[(&str, &str)]) -> String {
    render(&problems(files))
}
