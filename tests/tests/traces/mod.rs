//! What is left of a lab on this machine, looked for without the lab's own help.

use accounting_tests::lab::{BPF_FS, FOLDER, STATE};

/// Folders, mounts and processes that carry the id of a lab.
pub(crate) fn traces(id: &str) -> Vec<String> {
    let mut found = Vec::new();
    for folder in [FOLDER, STATE, "/var/tmp", BPF_FS] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap();
            if name == id || name.starts_with(&format!("acc-{id}-")) || name == format!("accounting-lab-{id}")
            {
                found.push(format!("{folder}/{name}"));
            }
        }
    }
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    found.extend(
        mounts
            .lines()
            .filter(|line| line.contains(&format!("acc-{id}-")))
            .map(str::to_owned),
    );
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&format!("{STATE}/{id}/")) || line.contains(&format!("acc-{id}-")) {
            found.push(line);
        }
    }
    found
}
