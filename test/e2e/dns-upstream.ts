// A DNS server for the rest of the world, to run in a node's network namespace: node dns-upstream.ts. Knows example.com, says
// so on standard output when it listens, and tells each question that it is asked.
import { address, negative, startUpstream } from '../../agent/dns/fixture/upstream.ts';

const nxDomain = 3;
const many = Array.from({ length: 100 }, (_, i) => `192.0.2.${100 + i}`);

await startUpstream(
  (name, type, transport) => {
    console.log(`asked ${name.toLowerCase()} ${type} ${transport}`);
    if (!/(^|\.)example\.com$/i.test(name) || /^no\./i.test(name))
      return { flags: nxDomain, authorities: [negative('com', 30)] };
    if (type !== 'A') return { authorities: [negative('example.com', 30)] };
    if (!/^big\./i.test(name)) return { answers: [address(name, '192.0.2.7', 300)] };
    const answers = many.map((data) => address(name, data, 300));
    return transport === 'udp' ? { flags: 0x0200, answers: answers.slice(0, 2) } : { answers };
  },
  '127.0.0.1',
  53,
);
console.log('listening');
