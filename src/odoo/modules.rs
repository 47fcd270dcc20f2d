//! The one-off task that installs modules before a tenant takes traffic.

/// The command that installs modules into a tenant's database and ends.
///
/// Host, user and password come from the task's own environment (Odoo 19 reads `PG*`), so nothing secret is in the command.
/// Odoo 19 installs no demonstration data unless asked. `base` comes first so that an empty list still sets Odoo up.
#[must_use]
pub fn install(database: &str, modules: &[String]) -> Vec<String> {
    let mut names = vec!["base"];
    names.extend(modules.iter().map(String::as_str).filter(|name| *name != "base"));
    ["odoo", "-d", database, "-i", &names.join(","), "--stop-after-init", "--no-http"].map(ToOwned::to_owned).to_vec()
}

/// The command that opens Odoo's Python console beside a running Odoo, with the configuration of its task: a session has not the
/// environment of the process that the entry point made.
#[must_use]
pub fn shell(database: &str, more: &[String]) -> Vec<String> {
    let own = ["odoo", "shell", "-c", "/tmp/konta/odoo.conf", "-d", database, "--no-http"];
    own.map(ToOwned::to_owned).into_iter().chain(more.iter().cloned()).collect()
}

/// The command that sets up a template: as [`install`], then every attachment moves into the database, so that a copy of the database
/// is complete without files, and the web pages' styles and scripts are put together once for all.
#[must_use]
pub fn fill_template(database: &str, modules: &[String]) -> Vec<String> {
    // A shell's words: names of databases are konta's and names of modules are Python's, so nothing in them ends a word.
    let install = install(database, modules).join(" ");
    let script = "env['ir.config_parameter'].set_param('ir_attachment.location', 'db')\n\
                  env['ir.attachment'].force_storage()\n\
                  env['ir.qweb']._pregenerate_assets_bundles()\n\
                  env.cr.commit()";
    let text = format!(
        "{install} && odoo shell -d {database} --no-http <<'EOF'\n{script}\nEOF\nrm -rf /var/lib/odoo/filestore/{database}"
    );
    ["bash", "-ec", &text].map(ToOwned::to_owned).to_vec()
}

/// The wanted modules that are not installed, in the order of the manifest.
#[must_use]
pub fn missing(wanted: &[String], installed: &[String]) -> Vec<String> {
    wanted.iter().filter(|name| !installed.contains(name)).cloned().collect()
}

/// CPU units and MiB of an installation task. Installing 80 modules takes 51 s on two processors; a quarter of one would take minutes.
pub const INSTALL_SIZE: (u32, u32) = (1024, 2048);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_is_installed_first_and_once() {
        let command = install("t", &["website".into(), "base".into()]);
        assert_eq!(command[4], "base,website");
    }

    #[test]
    fn only_what_is_missing_is_installed() {
        let wanted = ["website".to_owned(), "stock".to_owned()];
        assert_eq!(missing(&wanted, &["website".to_owned()]), ["stock"]);
    }
}
