import assert from "node:assert/strict";
import fc from "fast-check";
import {
  admitDeclared,
  type Declared,
  type PasswordServer,
  refuseOthers,
  requireRefused,
  requireServers,
  unsettled,
} from "../../../../cli/rotation/servers";

class Killed extends Error {}

/** Ends the program before its n-th step that changes anything. */
class Killer {
  steps = 0;
  constructor(private readonly at: number) {}

  step(): void {
    this.steps += 1;
    if (this.steps === this.at) {
      throw new Killed();
    }
  }
}

const FIRST: Declared = { postgresPassword: "postgres-1", redisPassword: "redis-1" };

/** A stack: what is declared, what its servers let in, and what each client of the cache logs in with. */
class World {
  declared = FIRST;
  readonly cache = new Set([FIRST.redisPassword]);
  superuser = FIRST.postgresPassword;
  readonly clients = { backend: FIRST.redisPassword, ops: FIRST.redisPassword, agent: FIRST.redisPassword };
  readonly ended: (number | undefined)[] = [];
  killer = new Killer(Number.POSITIVE_INFINITY);

  readonly servers: readonly PasswordServer[] = [
    {
      secret: "postgresPassword",
      accepts: async (password) => password === this.superuser,
      isSettled: async (password) => password === this.superuser,
      admit: async (password) => this.change(() => (this.superuser = password)),
      settle: async (password) => this.change(() => (this.superuser = password)),
    },
    {
      secret: "redisPassword",
      accepts: async (password) => this.cache.has(password),
      isSettled: async (password) => this.cache.size === 1 && this.cache.has(password),
      admit: async (password) => this.change(() => this.cache.add(password)),
      settle: async (password, olderThan) =>
        this.change(() => {
          this.cache.clear();
          this.cache.add(password);
          this.ended.push(olderThan);
        }),
    },
  ];

  /** Every step leaves a stack whose clients all log in, now or after a restart. */
  private change(work: () => unknown): void {
    this.killer.step();
    work();
    for (const [client, password] of Object.entries(this.clients)) {
      assert.ok(this.cache.has(password), `${client} is refused`);
    }
  }

  async up(): Promise<void> {
    const admitted = await admitDeclared(this.servers, this.declared);
    for (const client of ["backend", "ops", "agent"] as const) {
      if (this.clients[client] !== this.declared.redisPassword) {
        this.change(() => (this.clients[client] = this.declared.redisPassword));
      }
    }
    await refuseOthers(this.servers, this.declared, (secret) => (admitted.includes(secret) ? 7 : undefined));
  }

  async rotate(next: Declared): Promise<void> {
    this.change(() => (this.declared = next));
    await this.up();
  }
}

const NEXT: Declared = { postgresPassword: "postgres-2", redisPassword: "redis-2" };
const LATER: Declared = { postgresPassword: "postgres-3", redisPassword: "redis-3" };
/** Declared, two let in, three clients, one refused. */
const STEPS = 7;

async function killedAt(step: number): Promise<World> {
  const world = new World();
  world.killer = new Killer(step);
  await assert.rejects(world.rotate(NEXT), Killed);
  world.killer = new Killer(Number.POSITIVE_INFINITY);
  return world;
}

function assertEnded(world: World): void {
  const { redisPassword, postgresPassword } = world.declared;
  assert.deepEqual([...world.cache], [redisPassword]);
  assert.equal(world.superuser, postgresPassword);
  assert.deepEqual(world.clients, { backend: redisPassword, ops: redisPassword, agent: redisPassword });
}

describe("passwords of running servers", () => {
  it("are replaced in steps, after each of which every client logs in", async () => {
    const world = new World();
    await world.rotate(NEXT);
    assertEnded(world);
    assert.deepEqual(world.ended, [7], "sessions of before the new one was let in are ended");
    assert.equal(world.killer.steps, STEPS);
    await assert.doesNotReject(requireRefused(world.servers, replaced(FIRST)));
  });

  for (let step = 1; step <= STEPS; step += 1) {
    it(`killed before step ${step}, the next update ends it`, async () => {
      const world = await killedAt(step);
      const open = await unsettled(world.servers, world.declared);
      assert.equal(open.length > 0, step > 1, "a next rotation sees that one was interrupted");
      await world.up();
      assertEnded(world);
      assert.deepEqual(world.declared, step === 1 ? FIRST : NEXT);
      assert.deepEqual(await unsettled(world.servers, world.declared), []);
    });
  }

  it("are ended by another rotation as well, however often one was killed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 6 }), async (kills) => {
        const world = new World();
        for (const [index, step] of kills.entries()) {
          world.killer = new Killer(step);
          await world
            .rotate({ postgresPassword: `postgres-${index}`, redisPassword: `redis-${index}` })
            .catch((error: unknown) => assert.ok(error instanceof Killed, String(error)));
        }
        world.killer = new Killer(Number.POSITIVE_INFINITY);
        await world.rotate(LATER);
        assertEnded(world);
      }),
    );
  });

  it("end no sessions when it is not known since when the declared one lets in", async () => {
    // All clients have it, and the run that let it in is gone.
    const world = await killedAt(STEPS);
    await world.up();
    assert.deepEqual(world.ended, [undefined]);
  });

  it("are left alone where nothing changed", async () => {
    const world = new World();
    await world.up();
    assert.equal(world.killer.steps, 0);
  });

  it("are told of when the one of before still lets in", async () => {
    const world = new World();
    await assert.rejects(requireRefused(world.servers, replaced(FIRST)), {
      message:
        /^postgresPassword: that the one of before is refused could not be seen: run \.\/fitnesscrm up/,
    });
    await assert.rejects(requireRefused([], replaced(FIRST)), /^UserError: postgresPassword: /);
  });

  it("are not touched while their server is away", () => {
    const { servers } = new World();
    const [database] = servers;
    assert.ok(database !== undefined);
    assert.doesNotThrow(() => requireServers(["redisPassword", "appPassword"], servers, "prod"));
    assert.doesNotThrow(() => requireServers(["appPassword"], [], "prod"));
    assert.throws(() => requireServers(["postgresPassword", "redisPassword"], [database], "prod"), {
      message:
        "redisPassword: service redis of stack prod does not run, or in a version that takes no other password while it runs: " +
        "run ./fitnesscrm up --stack prod first; nothing was changed",
    });
    assert.throws(() => requireServers(["postgresPassword"], [], "prod"), /service db of stack prod/);
  });
});

function replaced({ postgresPassword, redisPassword }: Declared) {
  return [
    { secret: "postgresPassword", password: postgresPassword },
    { secret: "redisPassword", password: redisPassword },
  ] as const;
}
