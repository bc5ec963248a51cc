-- The command line: options of every command, by argparse; each mistake becomes one line.
local argparse = require "argparse"
local commands = require "h2probe.args_commands"
local engine = require "h2probe.engine"

local args = {}

local SUMMARY = "h2probe " .. engine.version .. ": a scriptable HTTP/2 conformance tester"

local EXAMPLES = [[
examples:
  h2probe run                               all suites against the embedded reference server
  h2probe run https://localhost:8443        a conformance run over TLS with ALPN
  h2probe run http://localhost:8080 http2/settings --mode prior
  h2probe run https://localhost:8443 --report console --report junit=results.xml
  h2probe report run.json --report html=run.html             from what --report json=run.json stored
  h2probe run --server-cmd './server --port {port}'          start, watch and stop it, too
  h2probe probe my-probe.lua https://localhost:8443
  h2probe list http2                        the cases; h2probe explain ID tells about one
  h2probe client -- curl --http2 --cacert {cacert} {url}     test a client
  h2probe serve                             the reference server

h2probe COMMAND --help shows the options of a command.
]]

--- Octets of the user's as one printable line.
function args.printable(text)
  local shown = text:gsub("[%c\127-\255]", function(c) return ("\\x%02x"):format(c:byte()) end)
  return #shown > 300 and shown:sub(1, 300) .. "..." or shown
end

function args.parser()
  local parser = argparse("h2probe", SUMMARY):add_help(false):require_command(false):command_target "command"
    :epilog(EXAMPLES)
  parser:flag("-h --help", "Show this help."):action(function()
    error(setmetatable({ help = args.short_help() }, commands.stop), 0)
  end)
  parser:flag("--version", "Show the version."):action(function()
    error(setmetatable({ help = args.version() }, commands.stop), 0)
  end)
  commands.add(parser)
  return parser
end

function args.version()
  return ("h2probe %s (%s, %s)\n"):format(engine.version, _VERSION, engine.openssl_version)
end

function args.short_help()
  local lines = { SUMMARY, "", "usage: h2probe COMMAND [OPTIONS]", "" }
  for _, command in ipairs(commands.LIST) do
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

--- Commands that look for a settings file (settings_file).
args.TAKES_SETTINGS = { run = true, probe = true, client = true }

-- What the words say by themselves: the same without defaults.
local function given(argv)
  local parser, set = args.parser(), {}
  for _, command in ipairs(parser._commands) do
    for _, option in ipairs(command._options) do
      option._default = nil
    end
  end
  for name, value in pairs(parser:parse(argv)) do
    set[name] = type(value) ~= "table" or next(value) ~= nil
  end
  return set
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
    return getmetatable(e) == commands.stop and e or debug.traceback(tostring(e), 2)
  end, parser, argv, function(_, message)
    error(setmetatable({ message = one_line(message, parser) }, commands.stop), 0)
  end)
  if ok and not result.command then
    return nil, { help = args.short_help() }
  end
  if ok then
    result.tail = tail
    result.given = args.TAKES_SETTINGS[result.command] and given(argv) or nil
    return result
  end
  if getmetatable(result) ~= commands.stop then
    error(result, 0)
  end
  return nil, result
end

return args
