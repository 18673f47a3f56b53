import { ADA, AUDIT, BOT, makeHome, openTeamSlack } from '../../rigs/bot.ts';
import { hashOf } from '../../rigs/simulated/key-hash.ts';
import { simulatedAddress, startSimulatedHosts } from '../../rigs/simulated/simulated-hosts.ts';
import { makeKeyPair } from '../../rigs/sshd.ts';
import { openLink } from './link.ts';
import { CHANNELS, channelId, nameOf } from './names.ts';
import { Server } from './server.ts';
import { type Site, World, type WorldOptions } from './world.ts';

export async function openWorld(options: WorldOptions): Promise<World> {
  await using opened = new AsyncDisposableStack();
  const members = [ADA, BOT];
  const names = Array.from({ length: CHANNELS }, (_, n) => channelId(n));
  const slack = opened.use(
    await openTeamSlack({
      channels: [
        { id: AUDIT, name: 'audit', members },
        ...names.map((id) => ({ id, name: id.toLowerCase(), members })),
      ],
      ...options.slack,
      // Slack lets a bot connect some ten times and then once a minute: restarts would be all that is waited for.
      pace: { tierOneBurst: 10_000, ...options.slack?.pace },
    }),
  );
  const hostKey = makeKeyPair();
  const hosts = opened.use(await startSimulatedHosts(hostKey.private));
  const addresses = Array.from({ length: options.hosts }, (_, n) => simulatedAddress(n));
  const [type, publicKey] = hostKey.public.split(' ');
  const sections = addresses.map((ip, i) => `[${nameOf(i)}]\nip = ${ip}\n`).join('');
  const files = {
    'inventory.ini': `[DEFAULT]\nport = ${hosts.port}\nuser = ada\nkey = key\n${sections}`,
    'allowlist.ini': `[all]\nusers = ${ADA}\nchannels = *\nhosts = all\nactions = run\ncommands = *\n`,
    'clock-ms': '0',
    known_hosts: addresses.map((ip) => `[${ip}]:${hosts.port} ${type} ${publicKey}\n`).join(''),
  };
  const server = options.store === 'postgres' ? opened.use(await Server.open(options.serverKib)) : undefined;
  const openSite = async (): Promise<Site> => {
    const key = makeKeyPair();
    return {
      home: opened.use(await makeHome({ ...files, key: `${key.private.trimEnd()}\n` })),
      key: hashOf(Buffer.from(key.public.split(' ')[1] ?? '', 'base64')),
      link: server && opened.use(await openLink(server.port)),
    };
  };
  const sites: [Site, ...Site[]] = [await openSite()];
  while (server !== undefined && sites.length < (options.replicas ?? 1)) sites.push(await openSite());
  return new World(opened.move(), { slack, hosts, sites, server }, options);
}
