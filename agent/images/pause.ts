// The program that holds a pod's namespaces open: a whole ELF file, written out by hand, since a fresh machine has no compiler.
//
// It must leave on SIGTERM and SIGINT and reap what becomes its child when a pod shares its process namespace. As process 1 of
// a namespace it is spared every signal it has no handler for, but a blocked signal is kept all the same (kernel/signal.c,
// sig_ignored), so it blocks the three and waits for them:
//
//   rt_sigprocmask(SIG_BLOCK, {SIGINT, SIGTERM, SIGCHLD}, NULL, 8)
//   wait:  s = rt_sigtimedwait(set, NULL, NULL, 8)
//          if s == SIGCHLD { do r = wait4(-1, NULL, WNOHANG, NULL) while r > 0; goto wait }
//          if s != SIGINT && s != SIGTERM goto wait
//          exit(0)
import { architecture, type ImageDescription } from './oci-archive.ts';

/** In a name of this machine's own: no registry will ever be asked for it. */
export const pauseImage = 'localhost/slipway/pause:1';

interface Machine {
  /** e_machine of the ELF header. */
  elf: number;
  /** Position independent; ends with the signal set (eight bytes, bit n-1 for signal n). */
  code: string;
}

const machines: Readonly<Record<string, Machine>> = {
  amd64: {
    elf: 62,
    code: [
      'b80e000000 31ff 488d355a000000 31d2 41ba08000000 0f05', //        mov eax,14; xor edi,edi; lea rsi,[set]; xor edx,edx; mov r10d,8; syscall
      'b880000000 488d3d44000000 31f6 31d2 41ba08000000 0f05', //  wait: mov eax,128; lea rdi,[set]; xor esi,esi; xor edx,edx; mov r10d,8; syscall
      '83f811 751c', //                                                  cmp eax,17; jne other
      'b83d000000 bfffffffff 31f6 ba01000000 4531d2 0f05', //      reap: mov eax,61; mov edi,-1; xor esi,esi; mov edx,1; xor r10d,r10d; syscall
      '85c0 7fe6 ebc7', //                                               test eax,eax; jg reap; jmp wait
      '83f802 7405 83f80f 75bd', //                               other: cmp eax,2; je quit; cmp eax,15; jne wait
      'b83c000000 31ff 0f05', //                                   quit: mov eax,60; xor edi,edi; syscall
      '0f1f4000', //                                                     (padding)
      '0240010000000000', //                                        set: 1<<1 | 1<<14 | 1<<16
    ].join(''),
  },
  arm64: {
    elf: 183,
    code: [
      'e81080d2 000080d2 81030010 020080d2 030180d2 010000d4', //        mov x8,135; mov x0,0; adr x1,set; mov x2,0; mov x3,8; svc 0
      '281180d2 e0020010 010080d2 020080d2 030180d2 010000d4', //  wait: mov x8,137; adr x0,set; mov x1,0; mov x2,0; mov x3,8; svc 0
      '1f440071 41010054', //                                            cmp w0,17; b.ne other
      '882080d2 00008092 010080d2 220080d2 030080d2 010000d4', //  reap: mov x8,260; mov x0,-1; mov x1,0; mov x2,1; mov x3,0; svc 0
      '1f000071 2cffff54 f0ffff17', //                                   cmp w0,0; b.gt reap; b wait
      '1f080071 60000054 1f3c0071 81fdff54', //                   other: cmp w0,2; b.eq quit; cmp w0,15; b.ne wait
      'a80b80d2 000080d2 010000d4', //                             quit: mov x8,93; mov x0,0; svc 0
      '0240010000000000', //                                        set: 1<<1 | 1<<14 | 1<<16
    ].join(''),
  },
};

const loadAddress = 0x400000;
const headerSize = 64;
const programHeaderSize = 56;

/** An ELF64 executable of one loadable segment: header, program header, code. Throws RangeError for another processor. */
export function pauseProgram(processor = architecture()): Uint8Array {
  const machine = machines[processor];
  if (!machine) throw new RangeError(`no pause program for the processor "${processor}"`);
  const code = Buffer.from(machine.code.replaceAll(' ', ''), 'hex');
  const start = headerSize + programHeaderSize;
  const file = Buffer.alloc(start + code.length);
  Buffer.from('7f454c460201010000', 'hex').copy(file); // magic, 64 bit, little endian, version 1, System V
  file.writeUInt16LE(2, 16); // executable
  file.writeUInt16LE(machine.elf, 18);
  file.writeUInt32LE(1, 20); // version
  file.writeBigUInt64LE(BigInt(loadAddress + start), 24); // entry
  file.writeBigUInt64LE(BigInt(headerSize), 32); // where the program header is
  file.writeUInt16LE(headerSize, 52);
  file.writeUInt16LE(programHeaderSize, 54);
  file.writeUInt16LE(1, 56); // one program header
  file.writeUInt32LE(1, headerSize); // loadable
  file.writeUInt32LE(5, headerSize + 4); // readable and executable
  file.writeBigUInt64LE(BigInt(loadAddress), headerSize + 16); // virtual address
  file.writeBigUInt64LE(BigInt(loadAddress), headerSize + 24);
  file.writeBigUInt64LE(BigInt(file.length), headerSize + 32); // in the file
  file.writeBigUInt64LE(BigInt(file.length), headerSize + 40); // in memory
  file.writeBigUInt64LE(0x10000n, headerSize + 48); // alignment: the largest page size of arm64
  code.copy(file, start);
  return file;
}

export const pauseDescription = (): ImageDescription => ({
  reference: pauseImage,
  files: [{ path: 'pause', type: 'file', mode: 0o755, data: pauseProgram() }],
  config: { Entrypoint: ['/pause'], User: '65535:65535' },
});
