-- The program: argv to a command, the command on the loop, its exit status.
local args = require "h2probe.args"
local engine = require "h2probe.engine"
local results = require "h2probe.results"
local settings_file = require "h2probe.settings_file"

local EXIT = results.EXIT
local MAX_ARGUMENT = 8192

local function say(text)
  io.stderr:write("h2probe: ", text, "\n")
end

local function too_long(argv)
  for _, word in ipairs(argv) do
    if #word > MAX_ARGUMENT then
      return ("an argument is longer than %d octets: %s..."):format(MAX_ARGUMENT, args.printable(word:sub(1, 60)))
    end
  end
end

-- A mistake of ours: one line and its own exit status, the whole story with H2PROBE_DEBUG.
local function internal(message, traceback)
  local text = tostring(message)
  local debugging = os.getenv "H2PROBE_DEBUG"
  say("internal error: " .. args.printable(debugging and text or text:match("^[^\n]*")))
  if debugging and traceback then
    io.stderr:write(traceback, "\n")
  end
  return EXIT.internal
end

-- A command is a task like all others, so that it can wait.
local function on_the_loop(command, options)
  local status
  engine.spawn(function() return command(options) end, { name = options.command,
    on_done = function(_, ok, result, traceback)
      status = ok and result or internal(result, traceback)
      engine.stop() -- what is still in flight has no say any more
    end })
  engine.run()
  return status or EXIT.internal
end

-- A command, with what the settings file says.
local function run_command(options)
  local ready, mistakes = true, nil
  if options.given then
    ready, mistakes = settings_file.apply(options)
  end
  if not ready then
    for _, mistake in ipairs(mistakes) do
      say(args.printable(mistake))
    end
    return EXIT.usage
  end
  return require("h2probe.cmd." .. options.command)(options)
end

local function flushed(status)
  local ok, message = io.stdout:flush()
  if not ok then
    say("standard output: " .. tostring(message))
    return EXIT.internal
  end
  return status
end

--- The words after the program's name; returns the exit status.
return function(argv)
  local long = too_long(argv)
  local options, stop
  if not long then
    options, stop = args.parse(argv)
  end
  if not options then
    if stop and stop.help then
      io.stdout:write(stop.help)
      return flushed(EXIT.ok)
    end
    say((long or stop.message) .. " (h2probe --help)")
    return EXIT.usage
  end
  if options.root then
    say "--root takes its directory as the next word: --root DIR"
    return EXIT.usage
  end
  return flushed(on_the_loop(run_command, options))
end
