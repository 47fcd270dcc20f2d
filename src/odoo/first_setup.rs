//! What makes a copied database the tenant's own before anyone signs in: identity, secrets, address, the first
//! administrator's password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rand::RngCore as _;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha512;

use super::database::Statement;

/// The login of Odoo's first administrator. Source: Odoo, `base/data/res_users_data.xml`.
pub const ADMINISTRATOR: &str = "admin";

/// The key that says that the first setup is done.
const MARK: &str = "konta.own";

/// PBKDF2 rounds of the first password. Rounds make guessing slow; a random password of 238 bits needs none, and Odoo
/// hashes it again with its own number of rounds when it is first used.
const ROUNDS: u32 = 1000;

/// A statement with named parameters.
#[derive(Debug)]
pub struct Bound {
    /// The statement.
    pub statement: Statement,
    /// Its parameters.
    pub parameters: Vec<(&'static str, String)>,
}

/// Asks whether a database still needs the first setup: it has no mark, and nobody has ever signed in.
#[must_use]
pub fn is_needed(database: &str) -> Statement {
    Statement::new(
        database,
        format!(
            "SELECT 1 WHERE NOT EXISTS (SELECT FROM ir_config_parameter WHERE key = '{MARK}') \
             AND NOT EXISTS (SELECT FROM res_users_log)"
        ),
    )
}

/// The statements of the first setup, the mark last. Each can be repeated.
#[must_use]
pub fn statements(database: &str, url: &str, password: &SecretString) -> Vec<Bound> {
    let put = "INSERT INTO ir_config_parameter (key, value, create_uid, write_uid, create_date, write_date) \
               VALUES (:key, :value, 1, 1, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC') \
               ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, write_date = EXCLUDED.write_date";
    let bound = |sql: &str, parameters: Vec<(&'static str, String)>| Bound {
        statement: Statement::new(database, sql.to_owned()),
        parameters,
    };
    let set = |key: &str, value: String| bound(put, vec![("key", key.to_owned()), ("value", value)]);
    vec![
        bound(
            "UPDATE ir_config_parameter SET value = gen_random_uuid()::text WHERE key IN ('database.uuid', 'database.secret')",
            Vec::new(),
        ),
        bound(
            "UPDATE ir_config_parameter SET value = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') \
             WHERE key = 'database.create_date'",
            Vec::new(),
        ),
        // From now on attachments are files again: Odoo's default without this key.
        bound("DELETE FROM ir_config_parameter WHERE key = 'ir_attachment.location'", Vec::new()),
        set("web.base.url", url.to_owned()),
        self::password(database, password),
        set(MARK, "1".to_owned()),
    ]
}

/// Sets the administrator's password, which a copy of another tenant's database needs, too. Returns a
/// row if the login exists.
#[must_use]
pub fn password(database: &str, password: &SecretString) -> Bound {
    Bound {
        statement: Statement::new(
            database,
            "UPDATE res_users SET password = :hash WHERE login = :login RETURNING id".to_owned(),
        ),
        parameters: vec![("hash", hash(password)), ("login", ADMINISTRATOR.to_owned())],
    }
}

/// A password as Odoo keeps it: passlib's `pbkdf2_sha512`. Source: passlib's documentation, "format & algorithm".
fn hash(password: &SecretString) -> String {
    let mut salt = [0_u8; 16];
    rand::rng().fill_bytes(&mut salt);
    hash_with(password, &salt, ROUNDS)
}

fn hash_with(password: &SecretString, salt: &[u8], rounds: u32) -> String {
    let mut key = [0_u8; 64];
    pbkdf2::pbkdf2_hmac::<Sha512>(password.expose_secret().as_bytes(), salt, rounds, &mut key);
    // passlib's alphabet has a dot where base64 has a plus sign.
    let adapted = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes).replace('+', ".");
    format!("$pbkdf2-sha512${rounds}${}${}", adapted(salt), adapted(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with passlib: `pbkdf2_sha512.using(salt=b"0123456789abcdef", rounds=1212).hash("password")`.
    #[test]
    fn a_password_is_hashed_as_passlib_does() {
        assert_eq!(
            hash_with(&SecretString::from("password"), b"0123456789abcdef", 1212),
            "$pbkdf2-sha512$1212$MDEyMzQ1Njc4OWFiY2RlZg$3EX7Fg8xbdQkZBmSz976vr8kqO3v6Af.qcSVdvJHopTWPnVhkd9gwQvrad21gRj7veTI36wPqRKqlMJEtbamBg"
        );
    }

    #[test]
    fn the_mark_is_set_last_and_no_statement_holds_the_password() {
        let password = SecretString::from("geheim-geheim");
        let all = statements("d", "https://a.b", &password);
        assert_eq!(all.last().unwrap().parameters[0].1, MARK);
        for bound in &all {
            assert!(
                !bound.statement.sql.contains("geheim") && bound.parameters.iter().all(|(_, v)| !v.contains("geheim"))
            );
        }
    }
}
