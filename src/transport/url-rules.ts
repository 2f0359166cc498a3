/** What a URL must be like before anybody asks where it leads. */

/**
 * Ports of protocols that a stranger could talk into something by an HTTP request.
 * Source: the fetch standard, section "Port blocking".
 */
const badPorts = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
  103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
  512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
  995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
  6669, 6679, 6697, 10080,
])

/** RFC 1035 section 2.3.4, without the final dot. */
const maxHostnameLength = 253

export interface UrlRules {
  httpsOnly: boolean
  /** The only ports accepted; `null` for all but the bad ones. */
  ports: ReadonlySet<number> | null
}

/** What is wrong with a URL, without a look at where its host leads; `null` if nothing is. */
export function findUrlProblem(url: URL, rules: UrlRules): string | null {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return `the scheme "${url.protocol.slice(0, 40)}" is not http or https`
  }
  if (rules.httpsOnly && url.protocol === 'http:') return 'http is not accepted; use https'
  // They would end up in logs and errors, beside the delivery.
  if (url.username !== '' || url.password !== '') {
    return 'it holds a user name or a password; send them in a header instead'
  }
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  if (rules.ports === null ? badPorts.has(port) : !rules.ports.has(port)) {
    return `port ${port} is not accepted`
  }
  const hostname = hostnameOf(url)
  if (hostname.length > maxHostnameLength) {
    return `its host name is longer than ${maxHostnameLength} bytes`
  }
  // RFC 1035 section 3.1 has no empty label but the root. Resolvers pass over it, and would find
  // `a.example..` where rules for `a.example` find nothing.
  if (/^\.|\.\.|\.$/.test(hostname)) return 'its host name has an empty part'
  return null
}

/** The host as an address or a name: no brackets, no final dot. */
export function hostnameOf(url: URL): string {
  const { hostname } = url
  if (hostname.startsWith('[')) return hostname.slice(1, -1)
  return hostname.endsWith('.') ? hostname.slice(0, -1) : hostname
}

/**
 * Ends of names that mean "here" or "on this network" and never a host on the Internet: RFC 6761
 * (localhost), RFC 6762 (local, and appendix G), RFC 8375 (home.arpa), ICANN (internal), and what
 * routers, hosts files and Kubernetes use.
 */
const localSuffixes = [
  'localhost',
  'localdomain',
  'local',
  'internal',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
  'home.arpa',
  'svc',
]

/** Whether a host name can only have a meaning on our own network. */
export function isLocalName(hostname: string): boolean {
  return !hostname.includes('.') || localSuffixes.some((suffix) => hostname.endsWith(`.${suffix}`))
}

/** RFC 6761 section 6.3: these names mean loopback, and name servers are not to be asked. */
export function isLocalhost(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost')
}
