//! What tiers, pools and tenants all say about a container: its image, size, number of tasks and modules.

use super::diagnostic::Code;
use super::parse::Kind;
use super::read::{Field, Reader, Refusal};
use crate::model::{FargateSize, TaskRange};

/// The smallest size on which Odoo starts; the size of a tier that names none.
pub(super) const DEFAULT_SIZE: (u32, u32) = (256, 1024);

/// An image by digest: a tag alone moves, and then the same manifest is another release.
pub(super) fn image(reader: &mut Reader<'_>, field: Field<'_>) -> Option<String> {
    let text = reader.text(field)?;
    let (name, digest) = text.split_once("@sha256:").unwrap_or((text, ""));
    let hex = digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':');
    if hex && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain) {
        return Some(text.to_owned());
    }
    let problem =
        if digest.is_empty() { "the image has no digest" } else { "the image's name or digest is not well-formed" };
    let help = "write name:tag@sha256: and the 64 digits of the digest, because a tag alone can move; \
                `docker buildx imagetools inspect name:tag` prints it";
    reader.refuse(field, Refusal::new(problem, help));
    None
}

/// `{cpu, memory}`, a pair that Fargate offers.
pub(super) fn size(reader: &mut Reader<'_>, field: Field<'_>) -> Option<FargateSize> {
    let fields = reader.fields(field, "size", &["cpu", "memory"])?;
    let cpu = fields.required("cpu", "cpu: 256", reader);
    let memory = fields.required("memory", "memory: 1024", reader);
    let (cpu, memory) = (cpu?, memory?);
    let (units, mib) = (reader.whole(cpu, 1..=16384), reader.whole(memory, 1..=122_880));
    let (units, mib) = (units?, mib?);
    match FargateSize::new(units, mib) {
        Ok(size) => Some(size),
        Err(error) => {
            let label = if error.problem.contains("pair") { "no such pair" } else { "no such size" };
            let place = cpu.node.span.start..memory.node.span.end;
            let place = if place.is_empty() { cpu.node.span.clone() } else { place };
            reader.add(Code::InvalidSize, &place, label, error.problem, error.help);
            None
        }
    }
}

/// One number of tasks, or `{min, max}`.
pub(super) fn tasks(reader: &mut Reader<'_>, field: Field<'_>) -> Option<TaskRange> {
    if matches!(field.node.kind, Kind::Map(_)) {
        let fields = reader.fields(field, "range of tasks", &["min", "max"])?;
        let (min, max) = (fields.required("min", "min: 1", reader), fields.required("max", "max: 2", reader));
        let (min, max) = (min?, max?);
        let bounds = (number_of_tasks(reader, min), number_of_tasks(reader, max));
        return reader.taken(field, TaskRange::new(bounds.0?, bounds.1?));
    }
    let number = number_of_tasks(reader, field)?;
    reader.taken(field, TaskRange::new(number, number))
}

/// A number of tasks; too many are refused with the reason, because ECS itself would accept them.
fn number_of_tasks(reader: &mut Reader<'_>, field: Field<'_>) -> Option<u32> {
    let most = TaskRange::HIGHEST;
    if let Kind::Int(number) = field.node.kind
        && number > i128::from(most)
    {
        let problem =
            format!("`{}` cannot be {number}: konta runs at most {most} tasks of one service", field.key.text);
        let help = format!(
            "write a number up to {most}: each task needs at least 16 connections of the cell's database and is billed by the hour"
        );
        reader.refuse(field, Refusal::new(problem, help));
        return None;
    }
    reader.whole(field, 0..=most)
}

/// Technical names of Odoo modules, without repetition.
pub(super) fn modules(reader: &mut Reader<'_>, field: Field<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for item in reader.items(field) {
        let name = reader.checked(item, |text| {
            let lower = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if lower && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= 64 {
                return Ok(text.to_owned());
            }
            let help = "write the technical name, in lower-case letters, digits and `_`, such as website_sale";
            Err(Refusal::new(format!("`{text}` is not a module's technical name"), help))
        });
        found.extend(name.filter(|name| !found.contains(name)));
    }
    found
}
