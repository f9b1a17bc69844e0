//! `set-proc-title`, `proc-title-template`: how the process shows itself in `ps`.

use crate::config::Config;
use crate::ring::TitleArea;

/// The title, while it is ours to set.
#[derive(Debug)]
pub(super) struct Title {
    /// The name that the program was started by.
    name: String,
    config_file: String,
    area: Option<TitleArea>,
}

impl Title {
    /// Takes the place where titles are shown, if `set-proc-title` says so. Before there is a second thread.
    pub(super) fn claim(config: &Config, config_file: &str) -> Title {
        let name = std::env::args_os().next().unwrap_or_default();
        let area = config.set_proc_title.then(TitleArea::claim).flatten();
        let mut title = Title {
            name: name.to_string_lossy().into_owned(),
            config_file: config_file.to_owned(),
            area,
        };
        title.show(config);
        title
    }

    /// Shows what the template makes of these settings.
    pub(super) fn show(&mut self, config: &Config) {
        let text = self.expand(config);
        if let Some(area) = &mut self.area {
            area.set(text.as_bytes());
        }
    }

    fn expand(&self, config: &Config) -> String {
        let mut text = String::new();
        let mut rest = config.proc_title_template.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            if let Some(escaped) = after.strip_prefix('{') {
                text.push('{');
                rest = escaped;
                continue;
            }
            // The setting was checked: what is opened is closed, and known.
            let (variable, behind) = after.split_once('}').unwrap_or((after, ""));
            text.push_str(&self.variable(variable, config));
            rest = behind;
        }
        text.push_str(rest);
        text.trim_matches(' ').to_owned()
    }

    fn variable(&self, name: &str, config: &Config) -> String {
        match name {
            "title" => self.name.clone(),
            "listen-addr" if config.port == 0 && config.tls_port == 0 => config.unixsocket.clone(),
            "listen-addr" => {
                let address = config.bind.first().map_or("*", String::as_str);
                let port = match config.port {
                    0 => config.tls_port,
                    port => port,
                };
                format!("{address}:{port}")
            }
            "server-mode" if config.cluster_enabled => "[cluster]".to_owned(),
            "port" => config.port.to_string(),
            "tls-port" => config.tls_port.to_string(),
            "unixsocket" => config.unixsocket.clone(),
            "config-file" => self.config_file.clone(),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_in() {
        let title = Title {
            name: "bin/server".to_owned(),
            config_file: "/etc/a.conf".to_owned(),
            area: None,
        };
        let mut config = Config::default();
        let mut check = |template: &str, expected: &str| {
            config.proc_title_template = template.to_owned();
            assert_eq!(title.expand(&config), expected, "{template}");
        };
        check("{title} {listen-addr} {server-mode}", "bin/server *:6379");
        check(" a {{b}} {port}{tls-port} ", "a {b}} 63790");
        check("{config-file}:{unixsocket}!", "/etc/a.conf:!");
    }
}
