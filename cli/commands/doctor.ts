// slipway doctor
import { examine } from '../../local/install/checks.ts';
import { slipwayHome } from '../../local/state/paths.ts';

export async function doctorCommand(options: { json?: boolean }): Promise<void> {
  const findings = await examine(slipwayHome());
  if (options.json) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
  else {
    for (const { check, result, detail, mend } of findings) {
      process.stdout.write(
        `${result.padEnd(5)}  ${check.padEnd(23)} ${detail}\n${mend ? `       ${' '.repeat(23)} mend: ${mend}\n` : ''}`,
      );
    }
    const bad = findings.filter((finding) => finding.result === 'wrong').length;
    process.stdout.write(
      bad === 0 ? '\nThis machine can run a cluster.\n' : `\n${bad} ${bad === 1 ? 'thing is' : 'things are'} wrong.\n`,
    );
  }
  if (findings.some((finding) => finding.result === 'wrong')) process.exitCode = 1;
}
