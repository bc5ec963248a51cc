-- h2probe report: any report from stored results; several of one run are merged, several runs stand side by side.
local loader = require "h2probe.loader"
local merging = require "h2probe.merging"
local reporting = require "h2probe.reporting"
local results = require "h2probe.results"
local stored = require "h2probe.stored"
local words = require "h2probe.words"

local EXIT = results.EXIT

-- "nginx=FILE" or "FILE".
local function labelled(word)
  local label, path = word:match "^(%w[%w ._+-]*)=(.+)$"
  return path or word, label
end

local function read_all(list)
  local read, mistakes = {}, {}
  for _, word in ipairs(list) do
    local path, label = labelled(word)
    local all, message = stored.read(path)
    if all then
      all.file, all.label = path, label or all.label
      read[#read + 1] = all
    else
      mistakes[#mistakes + 1] = message
    end
  end
  if #mistakes > 0 then
    words.say_all(mistakes)
    return nil
  end
  return read
end

-- The place of each case in the catalogue, so that merged shards are in its order.
local function ranks()
  local rank = {}
  for i, case in ipairs(loader.all {} or {}) do
    rank[case.id] = i
  end
  return rank
end

-- One table for all, and the list of several that can be compared.
local function merged(read, partial)
  local runs, rank = {}, ranks()
  for i, group in ipairs(merging.groups(read)) do
    local lines
    runs[i], lines = merging.merge(group, rank, partial)
    for _, line in ipairs(lines) do
      words.say(line)
    end
  end
  for _, run in ipairs(runs) do
    run.file = nil
  end
  if #runs == 1 then
    return runs[1]
  end
  merging.label(runs)
  local columns = {}
  for i, run in ipairs(runs) do
    columns[i] = { label = run.label, results = run }
  end
  return merging.beside(runs), columns
end

return function(options)
  local list, message = reporting.plan(options.reports, options.no_github)
  if not list then
    words.say(message)
    return EXIT.usage
  end
  local read = read_all(options.files)
  if not read then
    return EXIT.usage
  end
  words.say_all(reporting.prepare(list))
  local all, compared = merged(read, options.partial)
  local context = reporting.context(options, { target = all.target, modes = all.modes, started = all.started })
  context.compared = compared
  local problems, lost = reporting.write(list, all, context)
  words.say_all(problems)
  if lost > 0 then
    return EXIT.internal
  end
  return results.exit_status(all, options.strict)
end
