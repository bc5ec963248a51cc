-- engine_help.lua - what the engine's specs share: tasks, and connected pairs.
local engine = require "h2probe.engine"

local help = {}

-- Run fn as a task; its results, or its error with the traceback.
function help.run(fn, options)
  local results
  options = options or {}
  options.on_done = function(_, ...) results = table.pack(...) end
  local task = engine.spawn(fn, options)
  engine.run()
  if not results[1] and not options.may_fail then
    error(tostring(results[2]) .. "\n" .. tostring(results[3]), 0)
  end
  return task, table.unpack(results, 1, results.n)
end

function help.fails(fn, options)
  options.may_fail = true
  local task, ok, message, traceback = help.run(fn, options)
  assert(ok == false, "the task did not fail")
  return task, message, traceback
end

-- A connected pair over loopback: both sides as tasks.
function help.pair(client, server)
  local listener = assert(engine.listen { port = 0 })
  local errors = {}
  local function guard(fn)
    return { on_done = function(_, ok, message, traceback)
      if not ok then errors[#errors + 1] = tostring(message) .. "\n" .. tostring(traceback) end
    end, deadline = 5, name = fn == client and "client" or "server" }
  end
  engine.spawn(function()
    local conn <close> = assert(listener:accept(2))
    server(conn)
  end, guard(server))
  engine.spawn(function()
    local conn <close> = engine.connection { role = "client" }
    assert(conn:connect { host = "127.0.0.1", port = listener:port() })
    client(conn)
  end, guard(client))
  engine.run()
  listener:close()
  if errors[1] then error(table.concat(errors, "\n"), 0) end
end

function help.next_frame(conn, name)
  while true do
    local event = assert(conn:next())
    if event.event == "frame" and event.name == name then return event end
  end
end

return help
