//! Programs that the tests talk to. What is missing comes from Debian's packages.
use crate::machine::{has, output, succeed};
use crate::{Machine, Outcome};
use std::path::Path;

/// Something that tests need, how to see that it is there, and the package that brings it.
struct Need {
    package: &'static str,
    found: fn(&Machine) -> bool,
}

const NEEDS: [Need; 12] = [
    // The allocator is built by it.
    Need { package: "make", found: |_| has("make") },
    Need { package: "gnupg", found: |_| has("gpg") },
    Need { package: "openssl", found: |_| has("openssl") },
    Need { package: "openssh-client", found: |_| has("ssh-keygen") },
    Need { package: "curl", found: |_| has("curl") },
    Need { package: "rabbitmq-server", found: |_| Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server").exists() },
    Need { package: "postgresql", found: has_database },
    Need { package: "etcd-server", found: |_| Path::new("/usr/bin/etcd").exists() },
    Need { package: "etcd-client", found: |_| has("etcdctl") },
    Need { package: "softhsm2", found: |_| has("softhsm2-util") },
    Need { package: "strace", found: |_| has("strace") },
    Need { package: "python3-venv", found: makes_venvs },
];

/// Installs what is missing. Errors: the packages to install, where this may not be done here.
pub fn all(machine: &Machine) -> Outcome {
    let missing: Vec<&str> = NEEDS.iter().filter(|need| !(need.found)(machine)).map(|need| need.package).collect();
    if missing.is_empty() {
        println!("all {} packages are there", NEEDS.len());
        return Ok(());
    }
    let list = missing.join(" ");
    let root = output(machine.command("id").arg("-u"))?.trim() == "0";
    if !root || !has("apt-get") {
        return Err(format!("please install these Debian packages, or what brings the same programs: {list}"));
    }
    println!("installing: {list}");
    succeed(machine.command("apt-get").args(["-q", "update"]))?;
    let mut install = machine.command("apt-get");
    install.args(["-q", "-y", "install", "--no-install-recommends"]).args(&missing);
    // Tests start their own brokers and databases: a package's service would only hold ports and memory.
    succeed(install.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1"))
}

/// The folder alone may be there for the client's sake.
fn has_database(_: &Machine) -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin/initdb")).any(|program| program.is_file())
}

fn makes_venvs(machine: &Machine) -> bool {
    machine.command("python3").args(["-c", "import venv, ensurepip"]).output().is_ok_and(|out| out.status.success())
}
