//! Priorities of listener rules: a number from the tenant's name, the same in every run; the next free one if
//! two tenants get the same.

use sha2::{Digest, Sha256};

use crate::model::TenantName;

/// The lowest priority a tenant gets; those below are the cell's.
pub const LOWEST: u32 = 100;
/// The highest priority a load balancer has. Source: Elastic Load Balancing, `CreateRule`.
pub const HIGHEST: u32 = 50_000;

/// The priority a tenant asks for first. Names spread them, so two tenants that are deployed at the same time
/// rarely ask for the same one.
#[must_use]
pub fn first_choice(tenant: &TenantName) -> u32 {
    let digest = Sha256::digest(tenant.as_str().as_bytes());
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    LOWEST + number % (HIGHEST - LOWEST + 1)
}

/// The priority to try after one that is taken.
#[must_use]
pub fn next(priority: u32) -> u32 {
    if priority >= HIGHEST { LOWEST } else { priority + 1 }
}

/// The first priority that is not in `taken`, starting from the tenant's first choice.
#[must_use]
pub fn choose(tenant: &TenantName, taken: &std::collections::BTreeSet<u32>) -> u32 {
    let mut priority = first_choice(tenant);
    while taken.contains(&priority) {
        priority = next(priority);
    }
    priority
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tenants_that_meet_get_neighbouring_priorities() {
        let tenant = TenantName::new("breadfree").unwrap();
        let own = first_choice(&tenant);
        assert!((LOWEST..=HIGHEST).contains(&own));
        assert_eq!(choose(&tenant, &[own].into()), next(own));
        assert_eq!(next(HIGHEST), LOWEST);
    }
}
