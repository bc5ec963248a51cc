-- NDJSON: a line of JSON for the run, one for each result as it comes, one for the end. Of several lines for the same
-- case and mode the last one counts; a file without its last line is that of a run that was cut short.
local build = require "h2probe.reports.shared.build"
local json = require "h2probe.reports.json"

-- It is written while the run goes on, to a file as well.
local ndjson = { extension = "ndjson", streamed = true }

local HEAD <const> = { "schema", "label", "tool", "target", "started", "modes", "shard" }
-- What the last line does not say: it is in the first, or in lines of its own.
local NO_PART <const> = { results = true, schema = true, label = true, tool = true, target = true, started = true,
  modes = true }

local function line(kind, value)
  local members = json.encode(value):match "^{(.*)}$"
  return ('{"kind":"%s"%s%s}\n'):format(kind, members ~= "" and "," or "", members)
end

local function first(results)
  local head = {}
  for _, name in ipairs(HEAD) do
    head[name] = results[name]
  end
  return line("run", head)
end

local function last(results)
  local tail = {}
  for name, value in pairs(results) do
    if not NO_PART[name] then
      tail[name] = value
    end
  end
  return line("end", tail)
end

function ndjson.begin(context)
  context.told = {}
  context.write(first { schema = 1, tool = context.tool, target = context.target, started = context.started,
    modes = context.modes, shard = context.shard })
end

function ndjson.progress(context, event)
  if event.kind ~= "result" then
    return
  end
  local result = json.encode(event.result)
  context.told[build.key(event.result)] = result
  context.write(('{"kind":"result","done":%d,"total":%d%s,"result":%s}\n'):format(event.done, event.total,
    (context.rounds or 1) > 1 and (',"round":%d'):format(event.round or 1) or "", result))
end

--- What is still to be said after `begin` and `progress`: results that are not what was told last, and the end.
function ndjson.finish(context, results)
  local out = {}
  for _, result in ipairs(results.results) do
    local text = json.encode(result)
    if context.told[build.key(result)] ~= text then
      out[#out + 1] = ('{"kind":"result","result":%s}\n'):format(text)
    end
  end
  out[#out + 1] = last(results)
  return table.concat(out)
end

function ndjson.write(results)
  local out = { first(results) }
  for _, result in ipairs(results.results) do
    out[#out + 1] = ('{"kind":"result","result":%s}\n'):format(json.encode(result))
  end
  out[#out + 1] = last(results)
  return table.concat(out)
end

return ndjson
