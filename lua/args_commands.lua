-- The commands and their options, as argparse takes them.
local profile = require "h2probe.profile"
local shard = require "h2probe.shard"
local values = require "h2probe.args_values"

local commands = {}

--- Raised inside argparse by options that end everything (help) and by mistakes.
commands.stop = { __name = "stop" }

local HELP_WIDTH <const> = 90

local EXIT_STATUS = [[
exit status:
  0  everything that ran passed        4  the target died
  1  failures, errors, an interrupted  5  nothing was selected, or all was skipped
     run, flaky verdicts, or           6  an internal error, or a report that
     expectations that do not hold        could not be written
  2  usage                             3  no target that speaks HTTP/2

A verdict "warn" fails the run only under --strict. A run ended by SIGINT, SIGTERM
or --deadline still writes its reports; cases not run are errors there. A target that
died and was started again by --restart is exit status 4, too.
]]

--- For the manual.
commands.EXIT_STATUS = EXIT_STATUS

local SELECTION = "Cases: an id or the start of one (http2/settings), a glob (hpack/*), a requirement "
  .. "(RFC9113-6.5-7), an id of h2spec (h2spec:http2/6.5), or a suite FILE. All if left out."

local function add(command, option, description, convert, argname)
  local long = option:match("%-%-[%w-]+")
  return command:option(option, description):convert(values.named(long, convert)):argname(argname)
end

-- Groups of options ---------------------------------------------------------------------------------

local function common(command)
  command:flag("-h --help", "Show this help."):action(function()
    error(setmetatable({ help = command:get_help() .. "\n" }, commands.stop), 0)
  end)
  add(command, "--root", "Read the runtime, suites and reports from the source tree DIR.", values.text, "DIR")
  add(command, "--color", "auto, always or never.", values.choice("auto", "always", "never"), "WHEN"):default "auto"
end

local function mode(command, description)
  add(command, "-m --mode", description
    or "How HTTP/2 starts: alpn, upgrade, prior or all. Default: what the URL's scheme has.",
    values.choice("alpn", "upgrade", "prior", "all"), "MODE")
end

local function reports(command)
  add(command, "--report", "A report to standard output or FILE; may be repeated: console, junit, tap, json, ndjson (grows "
    .. "while the run goes on), ctrf, markdown, github, html.", values.report, "FORMAT[=FILE]"):count "*":target "reports"
  command:flag("--no-github", "No annotations and no step summary where GitHub Actions runs h2probe.")
  command:mutex(command:flag("-v --verbose", "Conversations of all cases."),
    command:flag("-q --quiet", "On the console only failures and the last line."))
  command:flag("--strict", "A warning fails the run.")
  add(command, "--pcapng", "Write the connections of cases that did not pass to FILE, for Wireshark, TLS keys included.",
    values.path, "FILE")
  command:flag("--pcapng-all", "With --pcapng: the connections of all cases.")
  add(command, "--save-failing", "Save each case that did not pass in a folder of DIR: transcript, packets, commands, and a "
    .. "script that runs it again.", values.path, "DIR")
end

local function target(command)
  mode(command)
  add(command, "--timeout", "Seconds that a silent peer gets in a case.", values.seconds, "SECONDS"):default "2"
  command:flag("-k --insecure", "Accept any certificate.")
  add(command, "--cacert", "Trust the certificates in FILE.", values.text, "FILE")
  add(command, "--cert", "The client's certificate.", values.text, "FILE")
  add(command, "--key", "The client's private key.", values.text, "FILE")
  add(command, "--sni", "The server name in TLS; the empty name sends none.", values.text, "NAME")
  add(command, "--authority", "The :authority of requests.", values.text, "NAME")
  add(command, "--path", "The path that is requested.", values.request_path, "PATH")
  add(command, "--large-path", "A path whose content is 64 KiB or more.", values.request_path, "PATH")
  add(command, "--header", "A field for every request; may be repeated.", values.header, "LINE"):count "*":target "headers"
  add(command, "--connect-to", "Connect there instead of the URL's host and port.", values.host_port, "HOST:PORT")
  reports(command)
end

-- What a pipeline asks for (docs/gating.md).
local function gating(command)
  add(command, "--only", "Of what is selected, only this (words as SELECTION); may be repeated.", values.text, "WORD"):count "*"
  add(command, "--exclude", "Not this, and no finding of the watchman about it (watch/...); may be repeated.", values.text,
    "WORD"):count "*"
  add(command, "--level", "Only requirements of this level and stronger: MUST, SHOULD or MAY.",
    values.choice("MUST", "SHOULD", "MAY"), "LEVEL")
  add(command, "--profile", "rfc9113, or rfc7540: what RFC 9113 added does not count.", values.choice(table.unpack(profile.NAMES)),
    "NAME")
  add(command, "--expect", "Known failures, a line each: id [mode] verdict # reason. Or a Lua table, FILE.lua.", values.text,
    "FILE")
  command:flag("--update-expect", "Write that file anew: what passes goes, what fails comes.")
  add(command, "--shard", "The I-th of N parts, or auto: from CI_NODE_INDEX or JOB_COMPLETION_INDEX (auto/N: of N).", shard.parse,
    "I/N")
  add(command, "--rerun-failed", "Only what did not pass in the results of an earlier run.", values.text, "RESULTS.json")
  add(command, "--deadline", "Seconds for the whole run; what has not run then is an error.", values.seconds_to(604800), "SECONDS")
  add(command, "--config", "The settings file; default: h2probe.lua, if there is one.", values.text, "FILE")
  command:flag("--no-config", "No settings file.")
end

local function running(command, jobs)
  add(command, "-j --jobs", "Cases in flight at most; a target that is slow to answer gets fewer.", values.whole(1, 1024), "N")
    :default(jobs or "32")
  command:flag("--fail-fast", "Stop at the first failure.")
  add(command, "--repeat", "Run everything N times and tell which verdicts change.", values.whole(1, 10000), "N")
    :target "rounds":default "1"
  gating(command)
end

local function supervised(command)
  add(command, "--server-cmd", "Start the server by this command of the shell, wait until it accepts HTTP/2, stop it at the "
    .. "end. {port}, {tls_port} are free ports, {host} is 127.0.0.1, {cert}, {key} files with a certificate that is then "
    .. "trusted. Without a URL the target follows from {port} and {tls_port}.", values.text, "COMMAND")
  add(command, "--server-wait", "Seconds until it must accept HTTP/2.", values.seconds, "SECONDS"):default "30"
  add(command, "--restart", "When it is started again: never, on-death, per-suite or per-case.",
    values.choice("never", "on-death", "per-suite", "per-case"), "WHEN"):default "on-death"
end

local function words(command, name, description, count)
  command:argument(name, description):args(count)
end

-- Commands ------------------------------------------------------------------------------------------

local function new_command(parser, name, description)
  local command = parser:command(name, description):add_help(false):help_max_width(HELP_WIDTH)
    :usage_max_width(HELP_WIDTH):usage_margin(7):help_description_margin(26)
  common(command)
  return command
end

local function many(command)
  add(command, "--targets", "Judge every URL of FILE, a line each (and a name for it), side by side. {target} stands for the "
    .. "name in the files of reports.", values.text, "FILE")
  add(command, "--summary", "What all targets came to, by case: .csv, .json or .md.", values.text, "FILE")
end

local function add_run(parser)
  local run = new_command(parser, "run", "Run the suites against a server."):epilog(EXIT_STATUS)
  words(run, "words", "URL (https:// or http://; without one: the embedded reference server), then what to run. "
    .. SELECTION, "*")
  target(run)
  supervised(run)
  running(run)
  many(run)
end

local function add_probe(parser)
  local probe = new_command(parser, "probe", "Run probe scripts."):epilog(EXIT_STATUS)
  words(probe, "words", "Scripts, and the URL to run them against.", "+")
  target(probe)
  supervised(probe)
  running(probe)
end

local function add_serve(parser)
  local serve = new_command(parser, "serve", "The reference server, sound or with a chosen violation.")
  add(serve, "--host", "The address to listen on.", values.text, "HOST"):default "127.0.0.1"
  add(serve, "--port", "The cleartext port; 0 takes a free one.", values.whole(0, 65535), "PORT"):default "0"
  add(serve, "--tls-port", "The TLS port; 0 takes a free one.", values.whole(0, 65535), "PORT"):default "0"
  add(serve, "--violate", "Break this requirement; may be repeated.", values.text, "ID[=WAY]"):count "*"
  add(serve, "--cert", "The certificate; without one it is made at the start.", values.text, "FILE")
  add(serve, "--key", "Its private key.", values.text, "FILE")
end

local function add_client(parser)
  local client = new_command(parser, "client", "Test a client: each case is a server of its own, and the command behind "
    .. "-- is run once for each row of it. In the command {url}, {host}, {port}, {mode} and {cacert} are replaced; "
    .. "H2PROBE_URL and so on are in its environment. It makes one GET of the URL and ends, with 0 if it was answered.")
    :usage "usage: h2probe client [OPTIONS] [SELECTION...] -- COMMAND [ARGUMENT...]":epilog(EXIT_STATUS)
  words(client, "words", SELECTION, "*")
  mode(client, "How the client is to start HTTP/2: alpn, upgrade, prior or all (those that it does).")
  add(client, "--timeout", "Seconds that a silent client gets in a case.", values.seconds, "SECONDS"):default "5"
  add(client, "--host", "The host of the URL.", values.text, "NAME"):default "localhost"
  add(client, "--path", "The path of the URL.", values.request_path, "PATH"):default "/"
  add(client, "--cert", "The certificate to show; without one it is made at the start.", values.text, "FILE")
  add(client, "--key", "Its private key.", values.text, "FILE")
  add(client, "--cacert", "What {cacert} names; without it the certificate.", values.text, "FILE")
  reports(client)
  running(client, "4")
end

local function add_fetch(parser)
  local fetch = new_command(parser, "fetch", "The reference client: GET over HTTP/2, sound or with a chosen violation.")
  fetch:argument("url", "The URL (https:// or http://).")
  mode(fetch, "How HTTP/2 starts: alpn for https://, upgrade or prior (the default) for http://.")
  add(fetch, "--timeout", "Seconds for the whole exchange.", values.seconds, "SECONDS"):default "10"
  fetch:flag("-k --insecure", "Accept any certificate.")
  add(fetch, "--cacert", "Trust the certificates in FILE.", values.text, "FILE")
  add(fetch, "--violate", "Break this requirement; may be repeated.", values.text, "ID[=WAY]"):count "*"
end

local function add_report(parser)
  local report = new_command(parser, "report", "Write reports from stored results. Files of one target are merged (shards, "
    .. "repetitions: of each case the worst, and a verdict that differs is a flake); several targets stand side by side.")
    :epilog(EXIT_STATUS)
  words(report, "files", "Results that --report json or ndjson wrote (-: standard input). LABEL=FILE names what they are of, "
    .. "and files of one label belong together.", "+")
  reports(report)
  report:flag("--partial", "Shards may be missing.")
end

local function add_list(parser)
  local list = new_command(parser, "list", "The catalogue of cases.")
  words(list, "words", SELECTION, "*")
  add(list, "--testing", "Only the cases that test a server, or those that test a client.",
    values.choice("server", "client"), "ROLE")
  list:mutex(list:flag("--json", "As JSON."), list:flag("--ids", "The ids alone, one a line."))
end

local function add_explain(parser)
  local explain = new_command(parser, "explain", "A case with its requirement, or a requirement with its cases.")
  words(explain, "words", "Ids of cases or requirements.", "+")
end

local function add_prove(parser)
  local prove = new_command(parser, "prove", "Prove the cases: each passes on the sound reference server and "
    .. "catches its guilty peer.")
  words(prove, "words", SELECTION, "*")
  mode(prove)
  add(prove, "--timeout", "Seconds that a silent peer gets in a case (sound 2, guilty 0.5, blunt 0.3).", values.seconds,
    "SECONDS")
  add(prove, "-j --jobs", "Cases in flight.", values.whole(1, 256), "N"):default "16"
  add(prove, "--blunt", "Run all against a blunt peer instead: close, silent, ok, reset or goaway; or against the sound "
    .. "server with the manners codes, no-goaway, late, octets, chatty, continuation or padded.",
    values.choice("close", "silent", "ok", "reset", "goaway", "codes", "no-goaway", "late", "octets", "chatty", "continuation",
      "padded"), "NAME")
  add(prove, "--expect", "With --blunt: a table of the verdicts that are expected.", values.text, "FILE")
  prove:flag("-v --verbose", "Every case, not only the unproven.")
end

local function add_coverage(parser)
  local coverage = new_command(parser, "coverage", "In a source tree: which requirements of servers and of clients no case and no "
    .. "rule of the watchman judges, without a reason in suites/uncovered.tsv or suites/uncovered_clients.tsv.")
  coverage:flag("--write", "Write docs/coverage.md and docs/h2spec.md.")
end

local function add_completion(parser)
  local completion = new_command(parser, "completion", "The completions of a shell, for its start-up file: "
    .. "eval \"$(h2probe completion bash)\", or zsh; in fish: h2probe completion fish | source.")
  completion:argument("shell", "bash, zsh or fish."):convert(values.named("completion",
    values.choice("bash", "zsh", "fish"))):argname "SHELL"
end

local function add_man(parser)
  new_command(parser, "man", "The manual page h2probe(1), for man: h2probe man | man -l -")
end

-- In the order of the help.
commands.LIST = {
  { "run [URL] [SELECTION...]", "run the suites", add_run },
  { "probe FILE... [URL]", "run probe scripts", add_probe },
  { "client [SELECTION...] -- COMMAND", "test a client", add_client },
  { "serve [--violate ID]", "the reference server", add_serve },
  { "fetch [--violate ID] URL", "the reference client", add_fetch },
  { "report RESULTS.json...", "write reports from stored results", add_report },
  { "list [SELECTION...]", "the cases", add_list },
  { "explain ID...", "a case or a requirement", add_explain },
  { "prove [SELECTION...]", "prove the cases against guilty peers", add_prove },
  { "coverage [--write]", "which requirements are judged", add_coverage },
  { "completion SHELL", "completions for bash, zsh or fish", add_completion },
  { "man", "the manual page", add_man },
}

--- Adds every command to a parser.
function commands.add(parser)
  for _, row in ipairs(commands.LIST) do
    row[3](parser)
  end
end

return commands
