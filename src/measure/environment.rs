//! The environment of the user's process: a stated list, and nothing else of the caller's.
//!
//! Never an AWS credential, unless the user names the variable. Depends on nothing of the crate.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Variables of the caller's that every run gets: without them the interpreter may not start, or not find its
/// certificates. docs/MEASURE.md lists them.
pub const PASSED: &[&str] = &["PATH", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// What the platform knows of a function.
#[derive(Clone, Debug)]
pub struct Function<'a> {
    /// Its name.
    pub name: &'a str,
    /// `module.function`.
    pub entry: &'a str,
    /// Its memory setting, if there is one.
    pub memory_mb: Option<u64>,
    /// Where its code is.
    pub root: &'a OsStr,
    /// `3.11`.
    pub python: &'a str,
    /// Address of the Runtime API.
    pub api: &'a str,
    /// Folders of layers that hold packages.
    pub packages: &'a [OsString],
    /// Folders of layers that hold commands.
    pub commands: &'a [OsString],
    /// The base of packages that the user installed with `pip install --user`.
    pub user_base: Option<&'a str>,
    /// How many requests one instance serves at a time.
    pub concurrency: usize,
    /// Whether it is AWS's runtime that is played.
    pub is_aws: bool,
    /// Whether the runtime client of AWS runs it.
    pub real_client: bool,
}

/// The whole environment: what the platform sets, what is passed on, what the template and the user set; the later wins.
pub fn environment(
    function: &Function<'_>,
    caller: &BTreeMap<OsString, OsString>,
    passed: &[String],
    set: &[(String, String)],
) -> BTreeMap<OsString, OsString> {
    let mut all: BTreeMap<OsString, OsString> = BTreeMap::new();
    for name in PASSED {
        if let Some(value) = caller.get(OsStr::new(name)) {
            all.insert(name.into(), value.clone());
        }
    }
    let mut put = |name: &str, value: &dyn AsRef<OsStr>| {
        all.insert(name.into(), value.as_ref().to_owned());
    };
    // The platforms' own values; /tmp is the run's own.
    put("HOME", &"/tmp");
    put("LANG", &"en_US.UTF-8");
    put("TZ", &":UTC");
    put("AWS_LAMBDA_RUNTIME_API", &function.api);
    if function.is_aws {
        let memory = function.memory_mb.unwrap_or(128).to_string();
        put("AWS_LAMBDA_FUNCTION_NAME", &function.name);
        put("AWS_LAMBDA_FUNCTION_VERSION", &"$LATEST");
        put("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory);
        put("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", function.name));
        put("AWS_LAMBDA_LOG_STREAM_NAME", &"measure");
        put("AWS_LAMBDA_INITIALIZATION_TYPE", &"on-demand");
        put("AWS_EXECUTION_ENV", &format!("AWS_Lambda_python{}", function.python));
        put("AWS_REGION", &"us-east-1");
        put("AWS_DEFAULT_REGION", &"us-east-1");
        put("AWS_XRAY_CONTEXT_MISSING", &"LOG_ERROR");
        put("AWS_XRAY_DAEMON_ADDRESS", &"127.0.0.1:2000");
        put("LAMBDA_TASK_ROOT", &function.root);
        put("LAMBDA_RUNTIME_DIR", &"/var/runtime");
        put("_HANDLER", &function.entry);
        if function.concurrency > 1 && function.real_client {
            put("AWS_LAMBDA_MAX_CONCURRENCY", &function.concurrency.to_string());
        }
    } else {
        put("K_SERVICE", &function.name);
        put("FUNCTION_TARGET", &function.entry.rsplit('.').next().unwrap_or(function.entry));
    }
    // Whatever the machine's own role or files would give is not the function's.
    put("AWS_EC2_METADATA_DISABLED", &"true");
    put("AWS_SHARED_CREDENTIALS_FILE", &"/dev/null");
    put("AWS_CONFIG_FILE", &"/dev/null");
    if let Some(base) = function.user_base {
        put("PYTHONUSERBASE", &base);
    }
    if !function.packages.is_empty() {
        put("PYTHONPATH", &joined(function.packages));
    }
    if !function.commands.is_empty() {
        let mut folders = function.commands.to_vec();
        folders.extend(caller.get(OsStr::new("PATH")).cloned());
        put("PATH", &joined(&folders));
    }
    for (name, value) in set {
        all.insert(name.into(), value.into());
    }
    for name in passed {
        if let Some(value) = caller.get(OsStr::new(name)) {
            all.insert(name.into(), value.clone());
        }
    }
    all
}

fn joined(folders: &[OsString]) -> OsString {
    let mut all = OsString::new();
    for (n, folder) in folders.iter().enumerate() {
        if n > 0 {
            all.push(":");
        }
        all.push(folder);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(caller: &[(&str, &str)], passed: &[&str], set: &[(&str, &str)]) -> BTreeMap<OsString, OsString> {
        let function = Function {
            name: "f",
            entry: "app.handler",
            memory_mb: Some(256),
            root: OsStr::new("/code"),
            python: "3.11",
            api: "127.0.0.1:1",
            packages: &["/layer/python".into()],
            commands: &["/layer/bin".into()],
            user_base: None,
            concurrency: 1,
            is_aws: true,
            real_client: true,
        };
        let caller = caller.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let passed: Vec<String> = passed.iter().map(|name| (*name).to_owned()).collect();
        let set: Vec<(String, String)> = set.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        environment(&function, &caller, &passed, &set)
    }

    #[test]
    fn nothing_of_the_callers_is_passed_but_what_is_listed_or_named() {
        let caller =
            [("PATH", "/bin"), ("AWS_ACCESS_KEY_ID", "key"), ("AWS_PROFILE", "p"), ("TOKEN", "t"), ("HOME", "/h")];
        let clean = of(&caller, &[], &[]);
        let get = |all: &BTreeMap<OsString, OsString>, name: &str| {
            all.get(OsStr::new(name)).map(|value| value.to_string_lossy().into_owned())
        };
        assert_eq!(get(&clean, "PATH").as_deref(), Some("/layer/bin:/bin"));
        assert_eq!(get(&clean, "HOME").as_deref(), Some("/tmp"));
        for absent in ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "TOKEN"] {
            assert_eq!(get(&clean, absent), None, "{absent}");
        }
        assert_eq!(get(&clean, "AWS_SHARED_CREDENTIALS_FILE").as_deref(), Some("/dev/null"));
        assert_eq!(get(&clean, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE").as_deref(), Some("256"));
        let named = of(&caller, &["TOKEN", "ABSENT"], &[("TABLE", "orders"), ("LANG", "C")]);
        assert_eq!(get(&named, "TOKEN").as_deref(), Some("t"));
        assert_eq!(get(&named, "ABSENT"), None);
        assert_eq!((get(&named, "TABLE").as_deref(), get(&named, "LANG").as_deref()), (Some("orders"), Some("C")));
    }
}
