-- h2probe serve: the reference server, sound or with chosen violations, until a signal ends it.
local engine = require "h2probe.engine"
local resources = require "h2probe.resources"
local results = require "h2probe.results"
local words = require "h2probe.words"

local function violations(list)
  local rules = require "h2probe.rules"
  local bent = {}
  for _, text in ipairs(list or {}) do
    local id, way = rules.parse(text)
    if not id then
      return nil, ("--violate: %s"):format(way)
    end
    bent[id] = way
  end
  return bent
end

local function readable(options)
  for _, name in ipairs { "cert", "key" } do
    if options[name] then
      local text, message = resources.file(options[name])
      if not text then
        return nil, ("--%s: %s"):format(name, message)
      end
    end
  end
  if (options.cert == nil) ~= (options.key == nil) then
    return nil, "--cert and --key go together"
  end
  return true
end

local function shown_host(host)
  return host:find(":", 1, true) and "[" .. host .. "]" or host
end

local function announce(options, server)
  local host = shown_host(options.host)
  local lines = {
    ("http://%s:%d   prior knowledge and Upgrade"):format(host, server.port),
    ("https://%s:%d  ALPN"):format(host, server.tls_port),
  }
  for _, text in ipairs(options.violate or {}) do
    lines[#lines + 1] = "violates " .. text
  end
  io.stdout:write(table.concat(lines, "\n"), "\n")
  io.stdout:flush()
end

return function(options)
  local bent, message = violations(options.violate)
  local ok, problem = readable(options)
  if not bent or not ok then
    words.say(message or problem)
    return results.EXIT.usage
  end
  local server, code, why = require("h2probe.server").start { host = options.host, port = options.port,
    tls_port = options.tls_port, violate = bent, cert = options.cert, key = options.key, log = words.say }
  if not server then
    words.say(("cannot listen on %s: %s"):format(options.host, why or code))
    return results.EXIT.usage
  end
  local ended = engine.queue()
  for _, name in ipairs { "SIGINT", "SIGTERM" } do
    engine.on_signal(name, function() ended:put(name) end)
  end
  announce(options, server)
  repeat until ended:take(3600)
  server:stop()
  return results.EXIT.ok
end
