//! konta's SQL in a real PostgreSQL, by a master user without superuser rights: swaps that are sent twice, templates that are closed.

use konta::aws::Aws;
use konta::aws::rds_data::DataTarget;
use konta::odoo::database::{self, Statement};
use konta::odoo::{database_swap, template};
use secrecy::ExposeSecret as _;

use crate::support::sandbox_workspace::{World, connect};

async fn run(aws: &Aws, target: &DataTarget, statements: &[Statement]) -> Vec<String> {
    let mut last = Vec::new();
    for statement in statements {
        let answer = aws.sql(target, &statement.database, &statement.sql, &[]).await;
        last = answer.unwrap_or_else(|error| panic!("{}: {error}", statement.sql));
    }
    last.into_iter().flatten().flatten().collect()
}

fn ask(sql: &str) -> Statement {
    Statement { database: database::MAINTENANCE.to_owned(), sql: sql.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_twice_is_done_once_and_a_closed_template_is_nobodys() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    let aws = world.aws().await;
    let outputs = aws.stack("konta-prod-cell-1").await.unwrap().unwrap().outputs;
    let target =
        DataTarget { cluster: outputs["DatabaseClusterArn"].clone(), secret: outputs["DatabaseSecretArn"].clone() };
    a_swap_whose_answer_was_lost(&aws, &target).await;
    templates(&world, &aws, &target).await;
}

async fn a_swap_whose_answer_was_lost(aws: &Aws, target: &DataTarget) {
    let own = "artista";
    let number = async || {
        let found =
            run(aws, target, &[ask("SELECT oid::bigint::text FROM pg_database WHERE datname = 'artista'")]).await;
        found[0].clone()
    };
    let before = number().await;
    run(aws, target, &[database::create_database(&database_swap::fresh(own), own)]).await;
    run(aws, target, &[database_swap::swap(own), database_swap::swap(own)]).await;
    let restored = number().await;
    assert_ne!(restored, before);
    run(aws, target, &[database_swap::mark(&database_swap::before(own), database_swap::HELD)]).await;
    run(aws, target, &[database_swap::swap_back(own), database_swap::swap_back(own)]).await;
    assert_eq!(number().await, before, "undone twice is undone once");
    run(aws, target, &[database_swap::drop(&database_swap::before(own))]).await;
}

/// The login members of the owner of all templates, but the master user.
async fn members(aws: &Aws, target: &DataTarget) -> Vec<String> {
    let sql = "SELECT DISTINCT m.member::regrole::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member \
               WHERE m.roleid = 'konta_template'::regrole AND r.rolcanlogin AND r.rolname <> current_user ORDER BY 1";
    run(aws, target, &[ask(sql)]).await
}

async fn templates(world: &World, aws: &Aws, target: &DataTarget) {
    // The role is there: each tenant began a template that this sandbox, without an Odoo, could not fill.
    for name in ["konta_template_one", "konta_template_two"] {
        run(aws, target, &[database::create_database(name, template::ROLE)]).await;
        run(aws, target, &database::secure_database(name, template::ROLE)).await;
    }
    // One is filled for a tenant whose command dies, and then for the pool, which fills another for another command.
    for (name, user) in [
        ("konta_template_one", "breadfree"),
        ("konta_template_one", "konta_pool"),
        ("konta_template_two", "konta_pool"),
    ] {
        run(aws, target, &database::join_pool(name, template::ROLE, user)).await;
    }
    let password = aws.secret("/konta/prod/cell-1/pool/password").await.unwrap().unwrap();
    let at_work =
        connect(world.postgres_port(), "konta_pool", password.expose_secret(), "konta_template_two").await.unwrap();
    run(aws, target, &template::close("konta_template_one", "production")).await;
    assert_eq!(members(aws, target).await, ["konta_pool"], "only who fills another");
    at_work.batch_execute("CREATE TABLE filled (i int)").await.unwrap();
    run(aws, target, &template::close("konta_template_two", "catalogue")).await;
    assert!(members(aws, target).await.is_empty());
    let settings = "SELECT d.datname FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase \
                    WHERE d.datname IN ('konta_template_one', 'konta_template_two')";
    assert!(run(aws, target, &[ask(settings)]).await.is_empty());
}
