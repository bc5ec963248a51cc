-- One part of a run in several jobs: which part this job is, and which cases it has (--shard).
local shard = {}

-- How systems that run one job several times say which one it is.
local ENVIRONMENT <const> = {
  { index = "CI_NODE_INDEX", total = "CI_NODE_TOTAL", first = 1 },     -- GitLab, parallel: N
  { index = "JOB_COMPLETION_INDEX", total = "JOB_COMPLETIONS", first = 0 }, -- Kubernetes, completionMode: Indexed
}
local MOST <const> = 1000

local function whole(text)
  return text and text:find "^%d+$" and #text < 10 and math.tointeger(tonumber(text))
end

--- "2/4", "auto" or "auto/4" to { index =, total =, auto = }, or nil and what is wrong.
function shard.parse(text)
  if text == "auto" then
    return { auto = true }
  end
  local first, last = text:match "^(%w+)/(%d+)$"
  local total, index = whole(last), whole(first)
  if not total or not (index or first == "auto") then
    return nil, ("'%s' is not I/N (the first of four: 1/4), auto or auto/N"):format(text)
  elseif total < 1 or total > MOST then
    return nil, ("'%s': there are 1 to %d shards"):format(text, MOST)
  elseif index and (index < 1 or index > total) then
    return nil, ("'%s': shards count from 1 to %d"):format(text, total)
  end
  return { index = index, total = total, auto = not index or nil }
end

local function of_row(row, given, getenv)
  local text = getenv(row.index)
  local index, total = whole(text), given.total or whole(getenv(row.total))
  if not index then
    return nil, ("%s is '%s', not a whole number"):format(row.index, text)
  elseif not total or total < 1 or total > MOST then
    return nil, ("%s is set, but not how many jobs there are: say --shard auto/N, or set %s"):format(row.index, row.total)
  end
  index = index - row.first + 1
  if index < 1 or index > total then
    return nil, ("%s is %s: it counts from %d to %d here"):format(row.index, text, row.first, row.first + total - 1)
  end
  return { index = index, total = total }
end

--- What was parsed to { index, total }; `auto` asks the environment, and where that says nothing there are no shards: nil.
-- Or nil and what is wrong.
function shard.resolve(given, getenv)
  if not given.auto then
    return given
  end
  for _, row in ipairs(ENVIRONMENT) do
    if (getenv(row.index) or "") ~= "" then
      return of_row(row, given, getenv)
    end
  end
  return nil
end

--- The cases of one shard, in order. Each goes, heaviest first, to the shard that has least; `weight(case)` is in rows.
-- It depends on nothing but the cases, so that all jobs come to the same.
function shard.choose(cases, part, weight)
  local heavy, loads, mine = {}, {}, {}
  for i, case in ipairs(cases) do
    heavy[i] = { case = case, position = i, weight = weight(case) }
  end
  table.sort(heavy, function(a, b)
    if a.weight ~= b.weight then
      return a.weight > b.weight
    end
    return a.position < b.position
  end)
  for index = 1, part.total do
    loads[index] = 0
  end
  for _, entry in ipairs(heavy) do
    local least = 1
    for index = 2, part.total do
      least = loads[index] < loads[least] and index or least
    end
    loads[least] = loads[least] + entry.weight
    mine[entry.case] = least == part.index
  end
  local list = {}
  for _, case in ipairs(cases) do
    list[#list + 1] = mine[case] and case or nil
  end
  return list
end

return shard
