//! What konta's tool does in its task: it writes and reads backups, and looks after files.

use serde_json::{Value, json};

use super::{State, text};

/// The mark of data that a task has restored in part.
pub const HALF: &str = "half of ";

/// The objects of a backup beside its manifest.
const PARTS: [&str; 2] = ["database", "files"];

impl State {
    /// What a job has done half-way.
    pub(super) fn job_half(&mut self, job: &Value, definition: &str) {
        let prefix = text(&job["prefix"]);
        match job["verb"].as_str() {
            Some("backup") => {
                if let Some(data) = self.data_of(job, definition) {
                    self.put_object(&format!("{prefix}/database"), data);
                }
            }
            Some("restore" | "check") => {
                if let Some(data) = self.object(&format!("{prefix}/database")).map(|data| format!("{HALF}{data}")) {
                    self.fill(job, definition, &data);
                }
            }
            _ => {}
        }
    }

    /// What a job has done at its end; its exit code.
    pub(super) fn job_done(&mut self, job: &Value, definition: &str) -> i64 {
        let done = match job["verb"].as_str() {
            Some("backup") => self.back_up(job, definition),
            Some("restore") => self.restore(job, definition).map(|data| {
                self.files.insert(data);
            }),
            Some("check") => self.restore(job, definition).map(|_| ()),
            Some("pin-files") => self.data_of(job, definition).map(|data| {
                self.pinned.insert(data);
            }),
            Some("relink-files") => self.data_of(job, definition).map(|data| {
                if !self.pinned.contains(&data) {
                    self.is_wrong(format!("the files of {data} were asked for and nobody had pinned them"));
                }
                self.files.insert(data);
            }),
            Some("unpin-files") => {
                self.pinned.clear();
                Some(())
            }
            _ => None,
        };
        let id = text(&job["prefix"]).rsplit('/').next().unwrap_or_default().to_owned();
        let said = match done {
            Some(()) => json!({"ok": true, "id": id, "seconds": 1.0, "rows": 3, "files": 2, "missing": 0}),
            None => json!({"ok": false, "error": format!("nothing to do for {job}")}),
        };
        self.put_object(&text(&job["result"]), said.to_string());
        i64::from(done.is_none())
    }

    /// The data of the database that a job names, where it is there whole.
    fn data_of(&self, job: &Value, definition: &str) -> Option<String> {
        let database = self.clusters.get(self.homes.get(definition)?)?.databases.get(job["database"].as_str()?)?;
        database.is_whole().then(|| database.data.clone())
    }

    /// Fills the database that a job names; false where there is none.
    fn fill(&mut self, job: &Value, definition: &str, data: &str) -> bool {
        let cluster = self.homes.get(definition).and_then(|home| self.clusters.get_mut(home));
        let Some(database) = cluster.and_then(|cluster| cluster.databases.get_mut(job["database"].as_str().unwrap()))
        else {
            return false;
        };
        if !database.data.is_empty() && !database.data.starts_with(HALF) {
            let said = format!("{} was restored over {}", job["database"], database.data);
            self.is_wrong(said);
            return false;
        }
        data.clone_into(&mut database.data);
        true
    }

    fn back_up(&mut self, job: &Value, definition: &str) -> Option<()> {
        let (prefix, data) = (text(&job["prefix"]), self.data_of(job, definition)?);
        let (tenant, id) = prefix.split_once('/')?;
        self.put_backup(tenant, id, &data);
        Some(())
    }

    fn restore(&mut self, job: &Value, definition: &str) -> Option<String> {
        let prefix = text(&job["prefix"]);
        self.object(&format!("{prefix}/manifest.json"))?;
        let data = self.object(&format!("{prefix}/database"))?.to_owned();
        self.object(&format!("{prefix}/files"))?;
        self.fill(job, definition, &data).then_some(data)
    }

    /// Puts a whole backup into the bucket.
    pub fn put_backup(&mut self, tenant: &str, id: &str, data: &str) {
        let object = json!({"bytes": data.len(), "sha256": ""});
        let objects: serde_json::Map<String, Value> =
            PARTS.iter().map(|part| ((*part).to_owned(), object.clone())).collect();
        let manifest = json!({"format": 1, "tenant": tenant, "id": id, "image": null, "odoo": "19.0.1.3",
            "postgresql": "17", "modules": {}, "objects": objects, "rows": {"t": 3},
            "files": {"count": 2, "missing": [], "damaged": []}, "finished_at": ""});
        for part in PARTS {
            self.put_object(&format!("{tenant}/{id}/{part}"), data);
        }
        self.put_object(&format!("{tenant}/{id}/manifest.json"), manifest.to_string());
    }

    /// A backup that has its manifest and not all that it names.
    pub(super) fn unfinished_backup(&self) -> Option<String> {
        let manifests = self.objects_under("").into_iter().filter_map(|(key, _)| key.strip_suffix("/manifest.json"));
        manifests
            .flat_map(|prefix| PARTS.map(|part| format!("{prefix}/{part}")))
            .find(|key| self.object(key).is_none())
            .map(|key| format!("a backup has a manifest and no {key}"))
    }
}
