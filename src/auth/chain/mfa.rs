//! Which device and which program give the code. botocore reads only the role's profile, but people write the serial in
//! the user's.

use crate::auth::surroundings::Surroundings;

use super::super::files::Files;
use super::{Base, Chain};

/// Fills in the serial and the program that prints a code.
///
/// The serial is that of the role's profile, else of its source, else `KONTA_MFA_SERIAL`, else `AWS_MFA_SERIAL`. The
/// last two count only for a user's keys: sessions and roles have no device.
pub(super) fn complete(chain: &mut Chain, files: &Files, around: &Surroundings) {
    let text = |profile: &String, key| files.text(profile, key).filter(|text| !text.is_empty()).map(ToOwned::to_owned);
    let of_base = if is_machine(&chain.base) { None } else { chain.passed.last() };
    let own = of_base.and_then(|profile| text(profile, "mfa_serial"));
    let around = || around.variable("KONTA_MFA_SERIAL").or_else(|| around.variable("AWS_MFA_SERIAL"));
    let other = || if is_of_a_user(&chain.base) { around().map(ToOwned::to_owned) } else { None };
    let serial = match chain.roles.first_mut() {
        Some(first) => {
            first.mfa_serial = first.mfa_serial.take().or_else(|| own.clone()).or_else(other);
            own.or_else(|| first.mfa_serial.clone())
        }
        None => own.or_else(other),
    };
    chain.mfa_serial = serial;
    chain.mfa_process = chain.passed.iter().find_map(|profile| text(profile, "mfa_process"));
}

fn is_machine(base: &Base) -> bool {
    matches!(base, Base::Environment(_) | Base::Container | Base::Instance)
}

fn is_of_a_user(base: &Base) -> bool {
    match base {
        Base::Environment(keys) | Base::Static { keys, .. } => keys.session_token.is_none(),
        Base::Process { .. } => true,
        _ => false,
    }
}
