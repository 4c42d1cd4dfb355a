// Which box is open, and what is in it: one at a time, and the focus goes back to where it was.
//
// It knows their names and when they open, not their forms.

/** @import {App} from './doings.js' */
/** @import {Shortcut} from '../common/keys.js' */
import { toFragment } from '../common/codec.js';
import { command, dialog, help, membership, partition, share } from './dialogs.js';
import { exportWays } from './export.js';

export class Boxes {
  /** @param {() => App} app */
  constructor(app) {
    this.app = app;
    this.name = '';
    this.error = '';
    this.link = '';
    this.copied = '';
    /** @type {any} */
    this.focus = null;
  }

  /** @param {string} name */
  open(name) {
    const { session, redraw } = this.app();
    Object.assign(this, { name, error: '', link: '', copied: '', focus: document.activeElement });
    session.branch.player.play(false);
    if (name === 'share') {
      this.address().then((link) => {
        this.link = link;
        redraw();
      });
    }
    redraw();
  }

  close() {
    const { focus, name } = this;
    if (!name) return;
    this.name = '';
    this.app().redraw();
    if (focus?.isConnected) requestAnimationFrame(() => focus.focus());
  }

  /** An address that leads to this moment of this run. */
  async address() {
    const { session, stories, ui } = this.app();
    const { story, run, player } = session.branch;
    const known = stories.find((one) => one.id === story?.id && one.run === run);
    const about = known ? { story: known.id } : { run };
    const view = ui.view === 'ring' ? undefined : ui.view;
    const fragment = await toFragment({ ...about, t: Math.round(player.t), n: player.event?.n, view });
    return location.href.replace(/#.*$/, '') + fragment;
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.link);
      this.copied = 'Copied';
    } catch {
      this.copied = 'Copy it from the line above';
    }
    this.app().redraw();
  }

  /** @param {any} does @param {Shortcut[]} table */
  view(does, table) {
    const { session, engine, ui, redraw } = this.app();
    const close = () => this.close();
    const { world } = session.branch.player;
    const refuse = (/** @type {string} */ sentence) => {
      this.error = sentence;
      redraw();
    };
    switch (this.name) {
      case 'help': return dialog('Help', close, help(table));
      case 'command': return dialog('A client asks', close, command(world, session.branch.run.script.filter((step) => step.at <= session.branch.player.t), ui.selected?.kind === 'node' ? ui.selected.id : 0, this.error, does.act, refuse));
      case 'membership': return dialog('Membership', close, membership(world, does.act));
      case 'partition': return dialog('Partition', close, partition(world, does.act));
      case 'share': return dialog('Share', close, share(this.link, this.copied, {
        copy: () => void this.copy(), ...exportWays({ engine, branch: session.branch, tell: does.tell }),
      }));
      default: return null;
    }
  }
}
