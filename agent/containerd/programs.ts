// Where a distribution keeps what containers are run with.
import { accessSync, constants, existsSync, statSync } from 'node:fs';

/** Where distributions put CNI plugins: Debian, then everybody else. */
const pluginFolders = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'];
export const cniPlugins = (): string | undefined =>
  pluginFolders.find((folder) => existsSync(`${folder}/bridge`) && existsSync(`${folder}/host-local`));

/** The file of a program, looked for in PATH and where only root looks. */
export const which = (program: string): string | undefined =>
  [...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']
    .filter((folder) => folder !== '')
    .map((folder) => `${folder}/${program}`)
    .find(isProgram);

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
