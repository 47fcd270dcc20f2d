//! The tags of konta's stacks, by which it knows its own, and the parameter that says what visitors see.

/// The parameter of a tenant's stack that says which page its visitors see.
pub const PAGE: &str = "Page";

/// The tag that holds the hash of template, parameters and tags.
pub const HASH_TAG: &str = "konta:hash";

/// The tag with the application's name, by which konta knows its own stacks.
pub const APPLICATION_TAG: &str = "konta:application";

/// The tag with the environment's name.
pub const ENVIRONMENT_TAG: &str = "konta:environment";

/// The tag with the tenant's name.
pub const TENANT_TAG: &str = "konta:tenant";

/// The tag with the tenant's tier.
pub const TIER_TAG: &str = "konta:tier";

/// The tag with the digest of the tenant's list of modules.
pub const MODULES_TAG: &str = "konta:modules";

/// The tag that says in which cluster the tenant's database is: `shared` (the cell's) or `dedicated`.
pub const DATABASE_TAG: &str = "konta:database";

/// The tag with the cell's number.
pub const CELL_TAG: &str = "konta:cell";
