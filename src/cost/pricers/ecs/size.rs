//! A task's size.

use rust_decimal::Decimal;

use crate::cost::decimal::dec;
use crate::cost::evaluate::number;
use crate::cost::pricers::{Missing, Sheet};

use super::DISK;

/// What one task uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskSize {
    pub(super) vcpu: Decimal,
    pub(super) memory_gb: Decimal,
    /// GB of disk beyond those that every task includes.
    pub(super) disk_beyond: Decimal,
    pub(super) arm: bool,
}

/// The size in a task definition of the template.
pub(super) fn of_task(sheet: &Sheet<'_, '_>, definition: &str) -> Result<TaskSize, Missing> {
    let properties = sheet.properties(definition);
    let said = |name: &str| -> Result<String, Missing> {
        Ok(properties.text(name)?.ok_or_else(|| format!("{definition} has no {name}"))?)
    };
    let (cpu, memory) = (said("Cpu")?, said("Memory")?);
    let vcpu = measure(&cpu, "vcpu").ok_or_else(|| format!("{definition}: Cpu is `{cpu}`"))?;
    let memory_gb = measure(&memory, "gb").ok_or_else(|| format!("{definition}: Memory is `{memory}`"))?;
    let system = properties.text("RuntimePlatform.OperatingSystemFamily")?.unwrap_or_default();
    if system.starts_with("WINDOWS") {
        return Err(Missing("the price table has no price for Fargate tasks on Windows".to_owned()));
    }
    if vcpu > MOST_VCPU || memory_gb > MOST_MEMORY {
        return Err(Missing(format!(
            "{definition}: {} vCPU and {} GB are more than a Fargate task may have ({MOST_VCPU} and {MOST_MEMORY})",
            vcpu.normalize(),
            memory_gb.normalize()
        )));
    }
    let arm = is_arm(properties.text("RuntimePlatform.CpuArchitecture")?.as_deref())
        .ok_or_else(|| format!("{definition}: its CpuArchitecture is neither X86_64 nor ARM64"))?;
    let disk = properties.measure("EphemeralStorage.SizeInGiB", MOST_DISK)?.unwrap_or(DISK);
    Ok(TaskSize { vcpu, memory_gb, disk_beyond: disk.saturating_sub(DISK).max(Decimal::ZERO), arm })
}

/// The limits of a task: vCPU, GB of memory, GB of disk. Source: ECS developer guide, Fargate task definitions.
const MOST_VCPU: Decimal = dec!(16);
const MOST_MEMORY: Decimal = dec!(120);
const MOST_DISK: u32 = 200;

/// Whether a processor is ARM; `None` if there is no processor of that name.
fn is_arm(architecture: Option<&str>) -> Option<bool> {
    match architecture.map(str::to_ascii_uppercase).as_deref() {
        None | Some("X86_64") => Some(false),
        Some("ARM64") => Some(true),
        Some(_) => None,
    }
}

/// Reads an amount: `256` and `0.25 vCPU` are the same, and so are `512` and `0.5 GB`.
fn measure(text: &str, unit: &str) -> Option<Decimal> {
    let lower = text.to_ascii_lowercase();
    let amount = match lower.strip_suffix(unit) {
        Some(amount) => number(amount)?,
        None => number(&lower)? / dec!(1024),
    };
    (amount > Decimal::ZERO).then_some(amount)
}

/// The most tasks of a service. Source: ECS service quotas.
pub(in crate::cost::pricers) const MOST_TASKS: u32 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_words_are_the_same_size() {
        assert_eq!(measure("256", "vcpu"), measure(".25 vCPU", "vcpu"));
        assert_eq!(measure("512", "gb"), measure("0.5GB", "gb"));
        assert_eq!(measure("1 GB", "gb"), Some(dec!(1)));
        assert_eq!(measure("-1", "gb"), None);
        assert_eq!(measure("lots", "gb"), None);
    }
}
