//! Priorities of listener rules: a tenant's own number, the same at every run, and the next free one where two meet.

use sha2::{Digest, Sha256};

use crate::model::TenantName;

/// The lowest priority a tenant gets; those below are the cell's.
pub const LOWEST: u32 = 100;
/// The highest priority a load balancer has. Source: Elastic Load Balancing, `CreateRule`.
pub const HIGHEST: u32 = 50_000;

/// The priority a tenant asks for first: spread by its name, so that two tenants deployed at the same time rarely ask for the same.
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

/// The first priority from a tenant's own that `taken` does not hold.
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
