//! The one-off task that installs modules before a tenant takes traffic.

/// The command that installs modules into a tenant's database and ends.
///
/// Host, user and password come from the task's environment (Odoo 19 reads `PG*`), so the command contains
/// no secret. Odoo 19 installs no demonstration data unless asked to. `base` comes first, so that an empty
/// list still sets Odoo up.
#[must_use]
pub fn install(database: &str, modules: &[String]) -> Vec<String> {
    let mut names = vec!["base"];
    names.extend(modules.iter().map(String::as_str).filter(|name| *name != "base"));
    ["odoo", "-d", database, "-i", &names.join(","), "--stop-after-init", "--no-http"].map(ToOwned::to_owned).to_vec()
}

/// The command that opens Odoo's Python console next to a running Odoo, with the configuration of its task: a session
/// does not have the environment that the entry point gave to Odoo's process.
#[must_use]
pub fn shell(database: &str, more: &[String]) -> Vec<String> {
    let own = ["odoo", "shell", "-c", "/tmp/konta/odoo.conf", "-d", database, "--no-http"];
    own.map(ToOwned::to_owned).into_iter().chain(more.iter().cloned()).collect()
}

/// The command that fills a template: like [`install`], then it moves every attachment into the database, so that a
/// copy is complete without files, and builds the web pages' styles and scripts once for all copies.
#[must_use]
pub fn fill_template(database: &str, modules: &[String]) -> Vec<String> {
    // Safe as shell words: konta names the databases and Python restricts the names of modules, so
    // nothing in them ends a word.
    let install = install(database, modules).join(" ");
    // Each on its own line: in `A && B`, a failing A does not end the script.
    let text = format!("{install}\n{}", in_database(database));
    ["bash", "-ec", &text].map(ToOwned::to_owned).to_vec()
}

/// Only the second half of [`fill_template`], if the first is done.
#[must_use]
pub fn settle_template(database: &str) -> Vec<String> {
    ["bash", "-ec", &in_database(database)].map(ToOwned::to_owned).to_vec()
}

fn in_database(database: &str) -> String {
    let script = "env['ir.config_parameter'].set_param('ir_attachment.location', 'db')\n\
                  env['ir.attachment'].force_storage()\n\
                  env['ir.qweb']._pregenerate_assets_bundles()\n\
                  env.cr.commit()";
    format!("odoo shell -d {database} --no-http <<'EOF'\n{script}\nEOF\nrm -rf /var/lib/odoo/filestore/{database}")
}

/// The wanted modules that are not installed, in the order of the manifest.
#[must_use]
pub fn missing(wanted: &[String], installed: &[String]) -> Vec<String> {
    wanted.iter().filter(|name| !installed.contains(name)).cloned().collect()
}

/// CPU units and MiB of an installation task. Installing 80 modules takes 51 s on two processors; with a quarter of
/// one it would take minutes.
pub const INSTALL_SIZE: (u32, u32) = (1024, 2048);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_is_installed_first_and_once() {
        let command = install("t", &["website".into(), "base".into()]);
        assert_eq!(command[4], "base,website");
    }

    /// Runs a command as the task does, with the given script as `odoo`.
    fn exit_code(command: &[String], odoo: &str) -> Option<i32> {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("odoo");
        std::fs::write(&program, format!("#!/bin/sh\n{odoo}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        std::process::Command::new(&command[0]).args(&command[1..]).env("PATH", path).status().unwrap().code()
    }

    #[test]
    fn a_template_whose_filling_failed_is_not_taken_for_filled() {
        let name = "konta_template_of_this_test";
        for (odoo, code) in [("exit 0", 0), ("[ \"$1\" = shell ] || exit 3", 3), ("[ \"$1\" != shell ] || exit 4", 4)] {
            assert_eq!(exit_code(&fill_template(name, &["stock".to_owned()]), odoo), Some(code), "{odoo}");
        }
        assert_eq!(exit_code(&settle_template(name), "[ \"$1\" != shell ] || exit 4"), Some(4));
    }

    #[test]
    fn only_what_is_missing_is_installed() {
        let wanted = ["website".to_owned(), "stock".to_owned()];
        assert_eq!(missing(&wanted, &["website".to_owned()]), ["stock"]);
    }
}
