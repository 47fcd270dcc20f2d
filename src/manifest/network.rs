//! The `network` of an environment.

use ipnet::Ipv4Net;

use super::arn::ec2_id;
use super::diagnostic::Code;
use super::read::{Field, Fields, Reader, Refusal};
use crate::model::{Egress, Network, Vpc};

const KEYS: &[&str] = &["vpc", "cidr", "public_subnets", "private_subnets", "egress"];
const EGRESSES: &[(&str, Egress)] =
    &[("public-ip", Egress::PublicIp), ("nat", Egress::Nat), ("nat-per-az", Egress::NatPerAz)];

/// Away from 10.0.0.0/16 and 172.31.0.0/16, which most accounts already use.
const DEFAULT_CIDR: &str = "10.77.0.0/16";

/// The private ranges of RFC 1918; with any other, tasks could not reach the real owners of those addresses.
const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// The network of an environment whose manifest does not describe one: its own VPC, and the cheapest egress.
pub(super) fn default() -> Network {
    Network { vpc: Vpc::Create { cidr: DEFAULT_CIDR.to_owned() }, egress: Egress::PublicIp }
}

/// Reads `network`.
pub(super) fn read(reader: &mut Reader<'_>, field: Field<'_>) -> Option<Network> {
    let fields = reader.fields(field, "network", KEYS)?;
    let egress = fields.get("egress").map_or(Some(Egress::PublicIp), |field| reader.word(field, EGRESSES));
    let imported = match fields.get("vpc") {
        Some(field) => match reader.text(field)? {
            "create" => None,
            id => Some(reader.taken(field, ec2_id("vpc-", id))),
        },
        None => None,
    };
    let vpc = match imported {
        None => create(reader, &fields),
        Some(id) => import(reader, &fields, id),
    };
    Some(Network { vpc: vpc?, egress: egress? })
}

fn create(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Vpc> {
    for key in ["public_subnets", "private_subnets"] {
        if let Some(field) = fields.get(key) {
            let message = format!("a network that konta creates has no `{key}`");
            reader.add(
                Code::NotAllowed,
                &field.key.span,
                "not allowed here",
                message,
                "remove the line, since konta creates the subnets, or import a VPC with `vpc: vpc-...`",
            );
        }
    }
    let cidr = fields.get("cidr").map_or(Some(DEFAULT_CIDR.to_owned()), |field| reader.checked(field, cidr))?;
    Some(Vpc::Create { cidr })
}

fn import(reader: &mut Reader<'_>, fields: &Fields<'_>, id: Option<String>) -> Option<Vpc> {
    if let Some(field) = fields.get("cidr") {
        let message = "an imported VPC has its own `cidr`";
        reader.add(Code::NotAllowed, &field.key.span, "not allowed here", message, "remove the line");
    }
    let public_subnets = subnets(reader, fields, "public_subnets");
    let private_subnets = subnets(reader, fields, "private_subnets");
    Some(Vpc::Import { id: id?, public_subnets: public_subnets?, private_subnets: private_subnets? })
}

/// Two subnets, one in each of two availability zones, as a load balancer and a database need them.
fn subnets(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &'static str) -> Option<Vec<String>> {
    let field = fields.required(key, &format!("{key}: [subnet-..., subnet-...]"), reader)?;
    let items = reader.items(field);
    let before = reader.problems.len();
    let mut found: Vec<String> = Vec::new();
    for item in items {
        let id = reader.checked(item, |text| ec2_id("subnet-", text));
        found.extend(id.filter(|id| !found.contains(id)));
    }
    if found.len() != 2 && reader.problems.len() == before {
        let help = "name two subnets in two availability zones: a load balancer and a database need both";
        reader.refuse(field, Refusal::new(format!("`{key}` must name two subnets, but names {}", found.len()), help));
    }
    Some(found).filter(|found| found.len() == 2)
}

fn cidr(text: &str) -> Result<String, Refusal> {
    let help = "write a private range of /16 or /17, such as 10.77.0.0/16: it must hold six subnets of 4,096 addresses";
    let net: Ipv4Net =
        text.parse().map_err(|_| Refusal::new(format!("`{text}` is not an IPv4 address range"), help))?;
    if !(16..=17).contains(&net.prefix_len()) {
        return Err(Refusal::new(format!("a range of /{} is too large or too small", net.prefix_len()), help));
    }
    if net.trunc() != net {
        let problem = format!("`{text}` is an address within the range {}", net.trunc());
        return Err(Refusal::new(problem, format!("write {}", net.trunc())));
    }
    let private = PRIVATE.iter().filter_map(|range| range.parse::<Ipv4Net>().ok()).any(|range| range.contains(&net));
    if !private {
        return Err(Refusal::new(format!("`{text}` is not a private range"), help));
    }
    Ok(net.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_private_and_begin_at_their_first_address() {
        for good in ["10.77.0.0/16", "172.16.128.0/17", "192.168.0.0/16"] {
            assert!(cidr(good).is_ok(), "{good}");
        }
        for bad in ["10.0.0.0/8", "10.0.0.1/16", "8.8.0.0/16", "172.32.0.0/16", "10.0.0.0", "10.0.0.0/18", "::/16", "x"]
        {
            assert!(cidr(bad).is_err(), "{bad}");
        }
    }
}
