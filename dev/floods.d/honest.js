// Honest clients beside a flood, each request over a connection of its own. k6 fails if they are not served.
import http from 'k6/http'
import { check } from 'k6'

export const options = {
  noConnectionReuse: true,
  scenarios: {
    honest: {
      executor: 'constant-arrival-rate',
      rate: 20,
      timeUnit: '1s',
      duration: `${__ENV.SECONDS}s`,
      preAllocatedVUs: 20,
      maxVUs: 100,
    },
  },
  thresholds: {
    checks: ['rate>0.999'],
    dropped_iterations: ['count<1'],
    http_req_duration: ['p(99)<2000'],
  },
}

export default function () {
  const response = http.get(`${__ENV.SITE}/v1/openapi.json`, { timeout: '10s' })
  check(response, { served: (got) => got.status === 200 })
}
