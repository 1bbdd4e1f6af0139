-- Sends the lines of the file BODIES in turn, beginning anywhere, and counts the answers that are errors.
local bodies = {}
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
local requests, place = {}, 0
bad = 0 -- global, so that done() can ask the threads for it

local threads = {}
function setup(thread) threads[#threads + 1] = thread end

function init()
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Accept"] = "application/json"
  local token = os.getenv("TOKEN")
  if token and #token > 0 then wrk.headers["Authorization"] = "Bearer " .. token end
  for number, body in ipairs(bodies) do requests[number] = wrk.format("POST", nil, nil, body) end
  place = math.random(#requests)
end

function request()
  place = place % #requests + 1
  return requests[place]
end

-- A refusal hides behind the status 200 in GraphQL, and in our mutations behind a list that is not empty.
function response(status, headers, body)
  if status ~= 200 or body:find('"errors":', 1, true) or body:find('"userErrors":[{', 1, true) then
    bad = bad + 1
    if bad == 1 then io.stderr:write(status .. " " .. body:sub(1, 500) .. "\n") end
  end
end

function done(summary, latency)
  local lost = 0
  for _, thread in ipairs(threads) do lost = lost + thread:get("bad") end
  local errors = summary.errors
  io.write(string.format(
    'FIGURES {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "bytes": %d, "errors": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.bytes,
    lost + errors.connect + errors.read + errors.write + errors.timeout))
end
