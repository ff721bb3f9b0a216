//! The library of a module, on a thread of its own: its calls block, and may do so for ever.
use super::token::Failure;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use kw_barrier::seal::SealError;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::oneshot;

/// How many calls wait for the module at once; a module that hangs is not given more.
const WAITING_MAX: usize = 16;

/// A library is initialised once in a process, so all seals that use it share its thread.
static MODULES: Mutex<BTreeMap<PathBuf, Module>> = Mutex::new(BTreeMap::new());

/// Where to send calls.
#[derive(Clone)]
pub(super) struct Module(SyncSender<Job>);

type Job = Box<dyn FnOnce(&mut Library) + Send>;

/// The thread's own.
struct Library {
    path: PathBuf,
    context: Option<Pkcs11>,
}

impl Module {
    pub fn of(path: &Path) -> Result<Self, String> {
        let mut modules = MODULES.lock();
        if let Some(module) = modules.get(path) {
            return Ok(module.clone());
        }
        let (sender, jobs) = sync_channel(WAITING_MAX);
        let library = Library { path: path.to_owned(), context: None };
        let thread = std::thread::Builder::new().name("pkcs11".to_owned());
        thread.spawn(move || serve(library, &jobs)).map_err(|e| format!("a thread for the PKCS#11 module: {e}"))?;
        let module = Self(sender);
        modules.insert(path.to_owned(), module.clone());
        Ok(module)
    }

    /// Runs `work` with the initialised library. After an error the library is initialised anew by the next call: what was
    /// unplugged and came back is found only then.
    pub async fn run<T: Send + 'static>(
        &self,
        time_max: Duration,
        work: impl FnOnce(&Pkcs11) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, SealError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |library| {
            // Whoever has given up waiting does not want it done either.
            if reply.is_closed() {
                return;
            }
            let done = library.context().and_then(work);
            if done.is_err() {
                library.let_go();
            }
            let _nobody_waits = reply.send(done);
        });
        let hangs =
            || SealError::Service(format!("the PKCS#11 module has not answered within {} s", time_max.as_secs()));
        self.0.try_send(job).map_err(|_| hangs())?;
        match tokio::time::timeout(time_max, answer).await {
            Ok(Ok(done)) => done.map_err(SealError::from),
            Ok(Err(_)) | Err(_) => Err(hangs()),
        }
    }
}

fn serve(mut library: Library, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        job(&mut library);
    }
}

impl Library {
    fn context(&mut self) -> Result<&Pkcs11, Failure> {
        if self.context.is_none() {
            let path = self.path.display();
            let context = Pkcs11::new(&self.path).map_err(|e| Failure::Other(format!("the library {path}: {e}")))?;
            let args = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
            context.initialize(args).map_err(|e| Failure::Other(format!("the library {path} did not start: {e}")))?;
            self.context = Some(context);
        }
        self.context.as_ref().ok_or_else(|| Failure::Other("the library is gone".to_owned()))
    }

    fn let_go(&mut self) {
        if let Some(context) = self.context.take()
            && let Err(error) = context.finalize()
        {
            tracing::debug!(%error, "a PKCS#11 library did not end in order");
        }
    }
}

#[cfg(test)]
impl Module {
    /// Keeps the thread busy until the other end is dropped or sends.
    pub fn block(&self, until: Receiver<()>) {
        let job: Job = Box::new(move |_| {
            let _either_way = until.recv();
        });
        self.0.try_send(job).unwrap();
    }
}
