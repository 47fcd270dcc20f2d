//! Every operation on a tenant, with its session ended at each of its calls and the same command run again, in paused time.

mod backup;
mod delete;
mod relocation;
mod restore;
mod suspension;

use crate::support::fake_cloud::State;
use crate::support::fake_cloud::databases::Database;
use crate::support::fake_cloud::world::TENANT;

/// At every moment one whole database of cell 1 bears the tenant's name.
fn name_is_whole(state: &State) -> Option<String> {
    let is_whole = state.database(1, TENANT).is_some_and(Database::is_whole);
    (!is_whole).then(|| format!("no whole database bears the name {TENANT}"))
}
