-- The command line: options of every command, by argparse; each mistake becomes one line.
local argparse = require "argparse"
local engine = require "h2probe.engine"
local selection = require "h2probe.selection"
local url = require "h2probe.url"

local args = {}

local HELP_WIDTH <const> = 90

local SUMMARY = "h2probe " .. engine.version .. ": a scriptable HTTP/2 conformance tester"

local EXAMPLES = [[
examples:
  h2probe run                               all suites against the embedded reference server
  h2probe run https://localhost:8443        a conformance run over TLS with ALPN
  h2probe run http://localhost:8080 http2/settings --mode prior
  h2probe run https://localhost:8443 --report console --report junit=results.xml
  h2probe probe my-probe.lua https://localhost:8443
  h2probe list http2                        the cases; h2probe explain ID tells about one
  h2probe client -- curl --http2 --cacert {cacert} {url}     test a client
  h2probe serve                             the reference server

h2probe COMMAND --help shows the options of a command.
]]

local EXIT_STATUS = [[
exit status:
  0  everything that ran passed        4  the target died
  1  failures, errors, an interrupted  5  nothing was selected, or all was skipped
     run, or flaky verdicts            6  an internal error, or a report that
  2  usage                                could not be written
  3  no target that speaks HTTP/2

A verdict "warn" fails the run only under --strict. A run ended by SIGINT or
SIGTERM still writes its reports; cases not run are errors there.
]]

local SELECTION = "Cases: an id or the start of one (http2/settings), a glob (hpack/*), a requirement "
  .. "(RFC9113-6.5-7), an id of h2spec (h2spec:http2/6.5), or a suite FILE. All if left out."

-- Values ------------------------------------------------------------------------------------------

--- Octets of the user's as one printable line.
function args.printable(text)
  local shown = text:gsub("[%c\127-\255]", function(c) return ("\\x%02x"):format(c:byte()) end)
  return #shown > 300 and shown:sub(1, 300) .. "..." or shown
end

local function whole(low, high)
  return function(text)
    local n = text:match("^%d+$") and #text < 16 and math.tointeger(tonumber(text))
    if not n or n < low or n > high then
      return nil, ("'%s' is not a whole number from %d to %d"):format(text, low, high)
    end
    return n
  end
end

local function seconds(text)
  local n = (text:match("^%d+%.?%d*$") or text:match("^%.%d+$")) and tonumber(text)
  if not n or n < 0.01 or n > 3600 then
    return nil, ("'%s' is not a number of seconds from 0.01 to 3600"):format(text)
  end
  return n + 0.0
end

local function choice(...)
  local words = { ... }
  return function(text)
    for _, word in ipairs(words) do
      if word == text then
        return text
      end
    end
    local near = selection.nearest(text, words)
    local hint = near and (" (did you mean '%s'?)"):format(near) or ""
    return nil, ("'%s' is none of %s%s"):format(text, table.concat(words, ", "), hint)
  end
end

local function header(text)
  local name, value = text:match("^([^:]+):%s*(.-)%s*$")
  if not name or name:find("[^%w!#$%%&'*+.^_`|~-]") or value:find("[%z\r\n]") then
    return nil, ("'%s' is not a field line: say --header 'name: value'"):format(text)
  end
  return { name:lower(), value }
end

local function host_port(text)
  local host, port = url.host_port(text)
  if not host then
    return nil, ("'%s' is not HOST:PORT: %s"):format(text, port)
  end
  return { host = host, port = port }
end

local function request_path(text)
  if text:find("^/") and not text:find("[%c \128-\255#]") then
    return text
  end
  return nil, ("'%s' is not a path: it starts with / and has no spaces"):format(text)
end

local function report(text)
  local format, file = text:match("^([%w_-]+)=(.+)$")
  format = format or text:match("^([%w_-]+)$")
  if not format then
    return nil, ("'%s' is not FORMAT or FORMAT=FILE"):format(text)
  end
  return { format = format, file = file }
end

--- The converter's message, with the option in front.
local function value(option, convert)
  return function(text)
    local result, message = convert(text)
    if result == nil then
      return nil, option .. ": " .. message
    end
    return result
  end
end

local function add(command, option, description, convert, argname)
  local long = option:match("%-%-[%w-]+")
  return command:option(option, description):convert(value(long, convert)):argname(argname)
end

local function text_of(text)
  return text
end

-- Groups of options ---------------------------------------------------------------------------------

local function common(command)
  command:flag("-h --help", "Show this help."):action(function()
    error(setmetatable({ help = command:get_help() .. "\n" }, args.stop), 0)
  end)
  add(command, "--root", "Read the runtime, suites and reports from the source tree DIR.", text_of, "DIR")
  add(command, "--color", "auto, always or never.", choice("auto", "always", "never"), "WHEN"):default "auto"
end

local function mode(command, description)
  add(command, "-m --mode", description
    or "How HTTP/2 starts: alpn, upgrade, prior or all. Default: what the URL's scheme has.",
    choice("alpn", "upgrade", "prior", "all"), "MODE")
end

local function reports(command)
  add(command, "--report", "console, junit, json ..., to standard output or FILE; may be repeated.", report,
    "FORMAT[=FILE]"):count "*":target "reports"
  command:flag("-v --verbose", "Conversations of all cases.")
  command:flag("--strict", "A warning fails the run.")
end

local function target(command)
  mode(command)
  add(command, "--timeout", "Seconds that a silent peer gets in a case.", seconds, "SECONDS"):default "2"
  command:flag("-k --insecure", "Accept any certificate.")
  add(command, "--cacert", "Trust the certificates in FILE.", text_of, "FILE")
  add(command, "--cert", "The client's certificate.", text_of, "FILE")
  add(command, "--key", "The client's private key.", text_of, "FILE")
  add(command, "--sni", "The server name in TLS; the empty name sends none.", text_of, "NAME")
  add(command, "--authority", "The :authority of requests.", text_of, "NAME")
  add(command, "--path", "The path that is requested.", request_path, "PATH")
  add(command, "--large-path", "A path whose content is 64 KiB or more.", request_path, "PATH")
  add(command, "--header", "A field for every request; may be repeated.", header, "LINE"):count "*":target "headers"
  add(command, "--connect-to", "Connect there instead of the URL's host and port.", host_port, "HOST:PORT")
  reports(command)
end

local function running(command, jobs)
  add(command, "-j --jobs", "Cases in flight.", whole(1, 1024), "N"):default(jobs or "32")
  command:flag("--fail-fast", "Stop at the first failure.")
  add(command, "--repeat", "Run everything N times and tell which verdicts change.", whole(1, 10000), "N")
    :target "rounds":default "1"
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

local function add_run(parser)
  local run = new_command(parser, "run", "Run the suites against a server."):epilog(EXIT_STATUS)
  words(run, "words", "URL (https:// or http://; without one: the embedded reference server), then what to run. "
    .. SELECTION, "*")
  target(run)
  running(run)
end

local function add_probe(parser)
  local probe = new_command(parser, "probe", "Run probe scripts."):epilog(EXIT_STATUS)
  words(probe, "words", "Scripts, and the URL to run them against.", "+")
  target(probe)
  running(probe)
end

local function add_serve(parser)
  local serve = new_command(parser, "serve", "The reference server, sound or with a chosen violation.")
  add(serve, "--host", "The address to listen on.", text_of, "HOST"):default "127.0.0.1"
  add(serve, "--port", "The cleartext port; 0 takes a free one.", whole(0, 65535), "PORT"):default "0"
  add(serve, "--tls-port", "The TLS port; 0 takes a free one.", whole(0, 65535), "PORT"):default "0"
  add(serve, "--violate", "Break this requirement; may be repeated.", text_of, "ID[=WAY]"):count "*"
  add(serve, "--cert", "The certificate; without one it is made at the start.", text_of, "FILE")
  add(serve, "--key", "Its private key.", text_of, "FILE")
end

local function add_client(parser)
  local client = new_command(parser, "client", "Test a client: each case is a server of its own, and the command behind "
    .. "-- is run once for each row of it. In the command {url}, {host}, {port}, {mode} and {cacert} are replaced; "
    .. "H2PROBE_URL and so on are in its environment. It makes one GET of the URL and ends, with 0 if it was answered.")
    :usage "usage: h2probe client [OPTIONS] [SELECTION...] -- COMMAND [ARGUMENT...]":epilog(EXIT_STATUS)
  words(client, "words", SELECTION, "*")
  mode(client, "How the client is to start HTTP/2: alpn, upgrade, prior or all (those that it does).")
  add(client, "--timeout", "Seconds that a silent client gets in a case.", seconds, "SECONDS"):default "5"
  add(client, "--host", "The host of the URL.", text_of, "NAME"):default "localhost"
  add(client, "--path", "The path of the URL.", request_path, "PATH"):default "/"
  add(client, "--cert", "The certificate to show; without one it is made at the start.", text_of, "FILE")
  add(client, "--key", "Its private key.", text_of, "FILE")
  add(client, "--cacert", "What {cacert} names; without it the certificate.", text_of, "FILE")
  reports(client)
  running(client, "4")
end

local function add_fetch(parser)
  local fetch = new_command(parser, "fetch", "The reference client: GET over HTTP/2, sound or with a chosen violation.")
  fetch:argument("url", "The URL (https:// or http://).")
  mode(fetch, "How HTTP/2 starts: alpn for https://, upgrade or prior (the default) for http://.")
  add(fetch, "--timeout", "Seconds for the whole exchange.", seconds, "SECONDS"):default "10"
  fetch:flag("-k --insecure", "Accept any certificate.")
  add(fetch, "--cacert", "Trust the certificates in FILE.", text_of, "FILE")
  add(fetch, "--violate", "Break this requirement; may be repeated.", text_of, "ID[=WAY]"):count "*"
end

local function add_list(parser)
  local list = new_command(parser, "list", "The catalogue of cases.")
  words(list, "words", SELECTION, "*")
  list:flag("--json", "As JSON.")
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
  add(prove, "--timeout", "Seconds that a silent peer gets in a case (sound 2, guilty 0.5, blunt 0.3).", seconds,
    "SECONDS")
  add(prove, "-j --jobs", "Cases in flight.", whole(1, 256), "N"):default "16"
  add(prove, "--blunt", "Run all against a blunt peer instead: close, silent, ok, reset or goaway; or against the sound "
    .. "server with the manners codes, no-goaway, late, octets, chatty, continuation or padded.",
    choice("close", "silent", "ok", "reset", "goaway", "codes", "no-goaway", "late", "octets", "chatty", "continuation",
      "padded"), "NAME")
  add(prove, "--expect", "With --blunt: a table of the verdicts that are expected.", text_of, "FILE")
  prove:flag("-v --verbose", "Every case, not only the unproven.")
end

local function add_coverage(parser)
  local coverage = new_command(parser, "coverage", "In a source tree: which requirements of servers no case and no rule of the "
    .. "watchman judges, without a reason in suites/uncovered.tsv.")
  coverage:flag("--write", "Write docs/coverage.md and docs/h2spec.md.")
end

function args.parser()
  local parser = argparse("h2probe", SUMMARY):add_help(false):require_command(false):command_target "command"
    :epilog(EXAMPLES)
  parser:flag("-h --help", "Show this help."):action(function()
    error(setmetatable({ help = args.short_help() }, args.stop), 0)
  end)
  parser:flag("--version", "Show the version."):action(function()
    error(setmetatable({ help = args.version() }, args.stop), 0)
  end)
  add_run(parser)
  add_probe(parser)
  add_client(parser)
  add_serve(parser)
  add_fetch(parser)
  add_list(parser)
  add_explain(parser)
  add_prove(parser)
  add_coverage(parser)
  return parser
end

--- Raised inside argparse by options that end everything (help) and by mistakes.
args.stop = { __name = "stop" }

function args.version()
  return ("h2probe %s (%s, %s)\n"):format(engine.version, _VERSION, engine.openssl_version)
end

local COMMANDS = {
  { "run [URL] [SELECTION...]", "run the suites" },
  { "probe FILE... [URL]", "run probe scripts" },
  { "client [SELECTION...] -- COMMAND", "test a client" },
  { "serve [--violate ID]", "the reference server" },
  { "fetch [--violate ID] URL", "the reference client" },
  { "list [SELECTION...]", "the cases" },
  { "explain ID...", "a case or a requirement" },
  { "prove [SELECTION...]", "prove the cases against guilty peers" },
  { "coverage [--write]", "which requirements are judged" },
}

function args.short_help()
  local lines = { SUMMARY, "", "usage: h2probe COMMAND [OPTIONS]", "" }
  for _, command in ipairs(COMMANDS) do
    lines[#lines + 1] = ("  %-33s %s"):format(command[1], command[2])
  end
  return table.concat(lines, "\n") .. "\n\n" .. EXAMPLES
end

local function command_names(parser)
  local names = {}
  for _, command in ipairs(parser._commands) do
    names[#names + 1] = command._name
  end
  return names
end

--- One line from argparse's message ("unknown option '--x'\nDid you mean '--y'?").
local function one_line(message, parser)
  message = message:gsub("\n+%s*", " ")
  local wrong = message:match("^unknown command '(.-)'")
  if wrong and not message:find("mean", 1, true) then
    message = ("unknown command '%s'; the commands are %s"):format(wrong,
      table.concat(command_names(parser), ", "))
  end
  return args.printable(message)
end

-- The words behind the first --, where the command has such a tail.
local function split_tail(argv)
  if argv[1] ~= "client" then
    return argv
  end
  for i, word in ipairs(argv) do
    if word == "--" then
      return table.move(argv, 1, i - 1, 1, {}), table.move(argv, i + 1, #argv, 1, {})
    end
  end
  return argv
end

--- argv to options; or nil and { help = text } or { message = line }.
function args.parse(argv)
  if #argv == 0 then
    return nil, { help = args.short_help() }
  end
  local tail
  argv, tail = split_tail(argv)
  local parser = args.parser()
  local ok, result = xpcall(parser._parse, function(e)
    return getmetatable(e) == args.stop and e or debug.traceback(tostring(e), 2)
  end, parser, argv, function(_, message)
    error(setmetatable({ message = one_line(message, parser) }, args.stop), 0)
  end)
  if ok and not result.command then
    return nil, { help = args.short_help() }
  end
  if ok then
    result.tail = tail
    return result
  end
  if getmetatable(result) ~= args.stop then
    error(result, 0)
  end
  return nil, result
end

return args
