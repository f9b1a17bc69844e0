//! What a process that is about to die says of it, and where its threads are when somebody asks.
//!
//! ```text
//! SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT   a report in the log: the signal, where it happened, what each shard was
//!                                            doing, the registers; then the end that the signal has without us
//! trace_threads                              where each shard is, for a process that goes on
//! ```
//!
//! What runs in a handler may have interrupted anything, the allocator included. So it allocates nothing, takes no
//! lock and writes past the log's channel to a file that it opens itself. Addresses are written as they are, relative to
//! the program: `addr2line -Cfe tessera-server +0x..` makes lines of them.
//!
//! A thread's alternative stack, where the standard library's handler tells of stacks that overflowed, is too small
//! to walk a stack on. The first handler only sees whose signal it is: an overflow is left to the former handler, for the
//! rest the one that reports is installed, which runs on the stack where it happened; then the fault happens again.
//!
//! Invariants
//!   1. One report a process: whoever comes second waits for the end.
//!   2. A thread writes its trace only while the one who asked waits for it, so the descriptor is open.
#![expect(
    unsafe_code,
    reason = "signal handlers: sigaction, sigreturn's context, stacks of threads"
)]

use std::ffi::CString;
use std::fmt::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

/// More threads than this have no trace.
const THREADS_MAX: usize = 1024;

/// Frames of a stack that are written.
const FRAMES_MAX: usize = 100;

/// How long a thread may take to write its trace, in steps of a millisecond.
const PATIENCE_MS: u32 = 1000;

const FATAL: [libc::c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGABRT,
];

/// Where reports go: the log file, or standard output.
static LOG_FILE: OnceLock<Option<CString>> = OnceLock::new();
/// What the standard library had installed for SIGSEGV and SIGBUS.
static FORMER: OnceLock<[Former; 2]> = OnceLock::new();
static IS_ON: AtomicBool = AtomicBool::new(false);
/// The report is being written, or there shall be none any more.
static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// Thread numbers as the kernel knows them, of those who said that they want to be in reports; 0: none.
static THREADS: [AtomicI32; THREADS_MAX] = [const { AtomicI32::new(0) }; THREADS_MAX];
/// Somebody waits for threads to write their traces.
static IS_TRACING: AtomicBool = AtomicBool::new(false);
/// The thread that is to write one, and to which descriptor.
static ASKED: AtomicI32 = AtomicI32::new(0);
static TRACE_FD: AtomicI32 = AtomicI32::new(-1);
/// Traces that were written.
static WRITTEN: AtomicU32 = AtomicU32::new(0);

struct Former(libc::sigaction);

// SAFETY: plain data: the address of a function, flags and a mask. It is written once and then read.
unsafe impl Send for Former {}
// SAFETY: as above.
unsafe impl Sync for Former {}

/// Installs the handlers. Reports go to `log_file`, or to standard output. Call it once, when the process is the one that
/// will run (after `fork`).
pub fn arm(log_file: Option<&Path>, is_on: bool) {
    let path = log_file.and_then(|path| CString::new(path.as_os_str().as_bytes()).ok());
    if LOG_FILE.set(path).is_err() {
        return;
    }
    IS_ON.store(is_on, Ordering::SeqCst);
    // What walks stacks is loaded when it is first used, which must not be in a handler.
    Frames::here();
    let former = [libc::SIGSEGV, libc::SIGBUS].map(|signal| Former(current(signal)));
    let _ = FORMER.set(former);
    for signal in FATAL {
        match signal {
            libc::SIGSEGV | libc::SIGBUS => install(signal, on_fault, libc::SA_ONSTACK),
            _ => install(signal, report, 0),
        }
    }
    install(trace_signal(), trace_here, libc::SA_RESTART);
}

/// Whether there are reports from now on (`crash-log-enabled`).
pub fn set_enabled(on: bool) {
    IS_ON.store(on, Ordering::SeqCst);
}

/// The process is about to end with a signal, and has said why: there is no report.
pub fn mark_told() {
    IS_TOLD.store(true, Ordering::SeqCst);
}

/// This thread's stack is to be in reports.
pub fn register_thread() {
    let thread = this_thread();
    for place in &THREADS {
        if place
            .compare_exchange(0, thread, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
        {
            return;
        }
    }
}

/// Touches memory that nobody has, as DEBUG SEGFAULT asks for.
pub fn segfault() -> ! {
    // SAFETY: a new page without any rights: that the access fails is the point, and it touches nothing of anybody's.
    unsafe {
        let page = libc::mmap(
            ptr::null_mut(),
            4096,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        ptr::write_volatile(page.cast::<u8>(), 1);
    }
    std::process::abort()
}

/// Writes to the log where every registered thread is, under `why`. Takes as long as they do to answer, a second each
/// at most; does nothing while another trace is written.
pub fn trace_threads(why: &str) {
    let mut out = Sink::open();
    let _ = writeln!(out, "{} {why}", Prefix);
    if trace_all(&mut out) {
        let _ = writeln!(out, "--------");
    }
}

// ---- in handlers from here on: no allocation, no locks ----------------------------------------------------------------

/// The first to see a fault; on the alternative stack.
extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel hands both to a handler with SA_SIGINFO.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    // SAFETY: as above.
    let stack = unsafe { Registers::of(context) }.stack;
    let is_fault = code > 0;
    let is_overflow = is_fault && stack.is_some_and(|top| address.abs_diff(top) < OVERFLOW_BYTES);
    match FORMER.get() {
        Some(former) if is_overflow => {
            let former = &former[usize::from(signal == libc::SIGBUS)];
            // SAFETY: what was installed before us, for the same signal.
            unsafe { libc::sigaction(signal, &raw const former.0, ptr::null_mut()) };
        }
        _ => install(signal, report, 0),
    }
    if !is_fault {
        // Somebody sent it: it does not come again by itself.
        // SAFETY: the field that such a code has; no pointers.
        unsafe {
            SENDER.store((*info).si_pid(), Ordering::SeqCst);
            libc::raise(signal);
        }
    }
}

/// How near to the stack's end an access is taken for one past it. Compilers touch every page of a large frame in turn.
const OVERFLOW_BYTES: usize = 64 << 10;

/// Writes the report and ends the process as the signal does.
extern "C" fn report(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    if !IS_ON.load(Ordering::SeqCst) {
        end(signal);
    }
    if IS_TOLD.swap(true, Ordering::SeqCst) {
        if TELLER.load(Ordering::SeqCst) == 0 || TELLER.load(Ordering::SeqCst) == this_thread() {
            // It was told before, or the report itself failed.
            end(signal);
        }
        loop {
            pause_ms();
        }
    }
    TELLER.store(this_thread(), Ordering::SeqCst);
    // SAFETY: the kernel hands it to a handler with SA_SIGINFO.
    let info = unsafe { &*info };
    let mut out = Sink::open();
    let _ = write!(
        out,
        "\n\n=== TESSERA BUG REPORT START: Cut & paste starting from here ===\n\
         {Prefix} Tessera {} crashed by signal: {signal}, si_code: {}\n",
        env!("CARGO_PKG_VERSION"),
        info.si_code
    );
    // SAFETY: as above; the fields are those that the code says are there.
    let (pid, uid, address) = unsafe { (info.si_pid(), info.si_uid(), info.si_addr()) };
    if info.si_code > 0 {
        let _ = writeln!(out, "{Prefix} Accessing address: {address:p}");
    } else {
        let pid = match SENDER.load(Ordering::SeqCst) {
            0 => pid,
            first => first,
        };
        let _ = writeln!(out, "{Prefix} Killed by PID: {pid}, UID: {uid}");
    }
    // SAFETY: as above.
    let registers = unsafe { Registers::of(context) };
    if let Some(at) = registers.at {
        let _ = writeln!(out, "{Prefix} Crashed running the instruction at: {at:#x}");
    }
    let _ = writeln!(out, "\n------ STACK TRACE ------");
    out.trace();
    trace_all(&mut out);
    let _ = writeln!(out, "------ STACK TRACE DONE ------\n");
    let _ = writeln!(out, "------ REGISTERS ------");
    registers.write(&mut out);
    let _ = writeln!(
        out,
        "\n=== TESSERA BUG REPORT END. `addr2line -Cfe PROGRAM +0x..` says what lies at an address. ===\n"
    );
    end(signal);
}

/// Who sent what looks like a fault; 0: nobody.
static SENDER: AtomicI32 = AtomicI32::new(0);

/// Who writes the report; 0: nobody.
static TELLER: AtomicI32 = AtomicI32::new(0);

/// Ends the process by the signal's own effect, a core file included.
fn end(signal: libc::c_int) -> ! {
    // SAFETY: the default action has no handler that could run; the mask is a local.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &raw const action, ptr::null_mut());
        let mut mask: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut mask);
        libc::sigaddset(&raw mut mask, signal);
        libc::raise(signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const mask, ptr::null_mut());
        libc::_exit(128 + signal)
    }
}

/// Has every registered thread but this one write its trace to `out`; says whether it was this one's turn to ask.
fn trace_all(out: &mut Sink) -> bool {
    if IS_TRACING.swap(true, Ordering::SeqCst) {
        return false;
    }
    TRACE_FD.store(out.fd, Ordering::SeqCst);
    let mine = this_thread();
    for place in &THREADS {
        let thread = place.load(Ordering::SeqCst);
        if thread == 0 {
            break;
        }
        if thread == mine {
            continue;
        }
        let before = WRITTEN.load(Ordering::SeqCst);
        ASKED.store(thread, Ordering::SeqCst);
        // SAFETY: no pointers; a thread that has ended is an error, and nothing happens.
        let sent =
            unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, trace_signal()) == 0 };
        let mut left = if sent { PATIENCE_MS } else { 0 };
        while left > 0 && WRITTEN.load(Ordering::SeqCst) == before {
            pause_ms();
            left -= 1;
        }
        let is_late = WRITTEN.load(Ordering::SeqCst) == before;
        if is_late && ASKED.swap(0, Ordering::SeqCst) == 0 {
            // It has begun after all: the descriptor is its own now, and is not closed.
            out.is_kept = true;
        }
        if is_late {
            let _ = writeln!(out, "\nthread {thread}: no answer");
        }
    }
    IS_TRACING.store(false, Ordering::SeqCst);
    true
}

/// A thread that was asked writes its trace.
extern "C" fn trace_here(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: errno belongs to this thread; what was interrupted may be about to read it.
    let errno = unsafe { *libc::__errno_location() };
    let me = this_thread();
    let is_asked = ASKED.compare_exchange(me, 0, Ordering::SeqCst, Ordering::SeqCst);
    if is_asked.is_ok() {
        let mut out = Sink {
            fd: TRACE_FD.load(Ordering::SeqCst),
            is_kept: true,
        };
        out.trace();
        WRITTEN.fetch_add(1, Ordering::SeqCst);
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

/// A signal that nobody else sends.
fn trace_signal() -> libc::c_int {
    libc::SIGRTMIN() + 5
}

fn this_thread() -> i32 {
    // SAFETY: no pointers. Thread numbers are positive and fit.
    unsafe { libc::gettid() }
}

fn pause_ms() {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 1_000_000,
    };
    // SAFETY: a local that outlives the call.
    unsafe { libc::nanosleep(&raw const time, ptr::null_mut()) };
}

type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

fn install(signal: libc::c_int, handler: Handler, flags: libc::c_int) {
    // SAFETY: the handler lives as long as the program and takes what SA_SIGINFO promises; the action is a local.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO | flags;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, ptr::null_mut());
    }
}

fn current(signal: libc::c_int) -> libc::sigaction {
    // SAFETY: all zeroes is a valid action, which the call fills in.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, ptr::null(), &raw mut action);
        action
    }
}

/// Process and time, as the lines of a handler begin.
struct Prefix;

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: no pointers but one that may be null.
        let (pid, now) = unsafe { (libc::getpid(), libc::time(ptr::null_mut())) };
        write!(f, "{pid}:signal-handler ({now})")
    }
}

/// The log, opened anew: whatever happened may have happened to the thread that writes it.
struct Sink {
    fd: libc::c_int,
    /// Somebody may still write to it.
    is_kept: bool,
}

impl Sink {
    fn open() -> Sink {
        let path = LOG_FILE.get().and_then(Option::as_ref);
        let fd = path.map_or(libc::STDOUT_FILENO, |path| {
            let flags = libc::O_CREAT | libc::O_APPEND | libc::O_WRONLY | libc::O_CLOEXEC;
            // SAFETY: a terminated string that lives as long as the program.
            unsafe { libc::open(path.as_ptr(), flags, 0o644) }
        });
        Sink {
            fd,
            is_kept: fd <= libc::STDERR_FILENO,
        }
    }

    /// Where this thread is.
    fn trace(&mut self) {
        let mut name = [0_u8; 16];
        // SAFETY: the kernel writes 16 bytes at most, the last of which is zero.
        unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
        let length = name.iter().position(|byte| *byte == 0).unwrap_or(0);
        let name = std::str::from_utf8(&name[..length]).unwrap_or("?");
        let _ = writeln!(self, "\nthread {} {name}", this_thread());
        Frames::here().write(self);
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if !self.is_kept {
            // SAFETY: opened by `open`, and nobody else knows the number.
            unsafe { libc::close(self.fd) };
        }
    }
}

impl Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            // SAFETY: pointer and length are those of `bytes`.
            let written = unsafe { libc::write(self.fd, bytes.as_ptr().cast(), bytes.len()) };
            match usize::try_from(written) {
                Ok(count) if count > 0 => bytes = &bytes[count..],
                _ => return Err(fmt::Error),
            }
        }
        Ok(())
    }
}

/// Return addresses, innermost first.
struct Frames {
    addresses: [*mut libc::c_void; FRAMES_MAX],
    count: libc::c_int,
}

impl Frames {
    #[cfg(target_env = "gnu")]
    fn here() -> Frames {
        let mut addresses = [ptr::null_mut(); FRAMES_MAX];
        // SAFETY: room for as many as are asked for.
        let count = unsafe { libc::backtrace(addresses.as_mut_ptr(), FRAMES_MAX as libc::c_int) };
        Frames { addresses, count }
    }

    #[cfg(not(target_env = "gnu"))]
    fn here() -> Frames {
        Frames {
            addresses: [ptr::null_mut(); FRAMES_MAX],
            count: 0,
        }
    }

    #[cfg(target_env = "gnu")]
    fn write(&self, out: &mut Sink) {
        // SAFETY: the first `count` are addresses that `backtrace` has found.
        unsafe { libc::backtrace_symbols_fd(self.addresses.as_ptr(), self.count, out.fd) };
    }

    #[cfg(not(target_env = "gnu"))]
    fn write(&self, out: &mut Sink) {
        for address in self.addresses.iter().take(self.count as usize) {
            let _ = writeln!(out, "[{address:p}]");
        }
    }
}

/// What the processor held when the signal came.
struct Registers<'a> {
    /// The instruction.
    at: Option<usize>,
    /// The stack pointer.
    stack: Option<usize>,
    all: &'a [u64],
}

#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
const NAMES: &[&str] = &[
    "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "RDI", "RSI", "RBP", "RBX", "RDX", "RAX",
    "RCX", "RSP", "RIP", "EFL", "CSGSFS", "ERR", "TRAPNO", "OLDMASK", "CR2",
];

#[cfg(not(all(target_arch = "x86_64", target_env = "gnu")))]
const NAMES: &[&str] = &[];

impl Registers<'_> {
    /// # Safety
    /// `context` is what the kernel handed to a handler, which is still running.
    #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
    unsafe fn of<'a>(context: *mut libc::c_void) -> Registers<'a> {
        // SAFETY: see above.
        let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
        // SAFETY: signed and unsigned numbers of one size, read only.
        let all = unsafe { std::slice::from_raw_parts(registers.as_ptr().cast(), registers.len()) };
        Registers {
            at: Some(registers[libc::REG_RIP as usize] as usize),
            stack: Some(registers[libc::REG_RSP as usize] as usize),
            all,
        }
    }

    /// # Safety
    /// `context` is what the kernel handed to a handler, which is still running.
    #[cfg(all(target_arch = "aarch64", target_env = "gnu"))]
    unsafe fn of<'a>(context: *mut libc::c_void) -> Registers<'a> {
        // SAFETY: see above.
        let machine = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
        Registers {
            at: Some(machine.pc as usize),
            stack: Some(machine.sp as usize),
            all: &machine.regs,
        }
    }

    /// # Safety
    /// None here: nothing is read.
    #[cfg(not(all(
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_env = "gnu"
    )))]
    unsafe fn of<'a>(_: *mut libc::c_void) -> Registers<'a> {
        Registers {
            at: None,
            stack: None,
            all: &[],
        }
    }

    fn write(&self, out: &mut Sink) {
        for (number, value) in self.all.iter().enumerate() {
            let end = if number % 4 == 3 { "\n" } else { " " };
            let _ = match NAMES.get(number) {
                Some(name) => write!(out, "{name}:{value:016x}{end}"),
                None => write!(out, "X{number}:{value:016x}{end}"),
            };
        }
        let _ = writeln!(out);
    }
}
