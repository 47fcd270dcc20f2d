//! What a workspace imports, and so must exist before konta runs: the sandbox treats it as existing.

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use super::error::SandboxError;
use super::home::Home;

/// What a workspace imports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Imports {
    /// ARNs of issued certificates.
    pub certificates: Vec<String>,
    /// Public zones.
    pub hosted_zones: Vec<ImportedZone>,
    /// Networks.
    pub vpcs: Vec<ImportedVpc>,
}

/// An existing zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedZone {
    /// `Z...`
    pub id: String,
    /// Its domain.
    pub name: String,
}

/// An existing network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedVpc {
    /// `vpc-...`
    pub id: String,
    /// Its address range.
    pub cidr: String,
    /// Its public subnets.
    pub public_subnets: Vec<String>,
    /// Its private subnets.
    pub private_subnets: Vec<String>,
}

/// Writes down, for a workspace's sandbox that runs or has yet to start, what the workspace imports.
pub fn take_for_existing(workspace_root: &Path, imports: &Imports) -> Result<(), SandboxError> {
    const WHAT: &str = "write .konta/sandbox/imports.json";
    let home = Home::make(workspace_root)?;
    let text = serde_json::to_vec(imports).map_err(std::io::Error::from).map_err(SandboxError::system(WHAT))?;
    let path = home.join("imports.json");
    if std::fs::read(&path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let mut file = tempfile::NamedTempFile::new_in(home.path()).map_err(SandboxError::system(WHAT))?;
    file.write_all(&text).map_err(SandboxError::system(WHAT))?;
    file.persist(&path).map_err(|error| SandboxError::system(WHAT)(error.error))?;
    Ok(())
}
