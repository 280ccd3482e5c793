import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldersAbove, librariesIn } from './node-base.ts';

test('libraries and the loader are read from ldd, what the kernel itself brings is not', () => {
  const said = [
    '\tlinux-vdso.so.1 (0x00007f4018951000)',
    '\tlibdl.so.2 => /lib/x86_64-linux-gnu/libdl.so.2 (0x00007f401893b000)',
    '\tlibstdc++.so.6 => /lib/x86_64-linux-gnu/libstdc++.so.6 (0x00007f4018600000)',
    '\t/lib64/ld-linux-x86-64.so.2 (0x00007f4018953000)',
  ];
  assert.deepEqual(librariesIn(said.join('\n')), [
    '/lib/x86_64-linux-gnu/libdl.so.2',
    '/lib/x86_64-linux-gnu/libstdc++.so.6',
    '/lib64/ld-linux-x86-64.so.2',
  ]);
  assert.deepEqual(librariesIn('\tnot a dynamic executable\n'), []);
});

test('each folder stands once, before what is in it, and only where it is missing', () => {
  assert.deepEqual(foldersAbove(['usr/local/bin/node', 'usr/lib/a', 'bin/b', 'lib64/ld'], ['bin', 'usr']), [
    'usr/local',
    'usr/local/bin',
    'usr/lib',
    'lib64',
  ]);
});
