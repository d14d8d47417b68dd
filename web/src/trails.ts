/** The last places of each truck, for a short line behind it. Kept only while there are few trucks. */

import type { PositionRow } from "./types.ts";

const PLACES = 40;
const MOST_TRUCKS = 1000;
const JUMP_DEG = 0.5;

export class Trails {
  private readonly paths = new Map<string, number[]>();

  /** Longitudes and latitudes in turn, oldest first. */
  of(asset: string): readonly number[] | undefined {
    return this.paths.get(asset);
  }

  add(rows: readonly PositionRow[]): void {
    for (const [asset, lon, lat] of rows) {
      let path = this.paths.get(asset);
      if (!path) {
        if (this.paths.size >= MOST_TRUCKS) continue;
        this.paths.set(asset, (path = []));
      }
      const n = path.length;
      if (n && path[n - 2] === lon && path[n - 1] === lat) continue;
      if (n && (Math.abs(path[n - 2]! - lon) > JUMP_DEG || Math.abs(path[n - 1]! - lat) > JUMP_DEG)) path.length = 0;
      path.push(lon, lat);
      if (path.length > PLACES * 2) path.splice(0, 2);
    }
  }
}
