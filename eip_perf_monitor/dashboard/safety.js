// The panel at the top: may the robot move, and if not, why.

import { $, chip, make, NONE, number, renew, text } from './dom.js';

const SILENT_S = 0.5;
const PLAN_SILENT_S = 3;
const MODES = {
  armed: ['ARMED', 'good', 'The robot may move, up to the permitted speed.'],
  protective: ['PROTECTIVE STOP', 'warn', 'The robot stands and goes on by itself once the cause is gone.'],
  disarmed: ['DISARMED', 'idle', 'No stop is latched. Motion needs arm by a named operator.'],
  stopped: ['STOPPED', 'bad', 'A stop is latched. Reset by a named operator, then arm.'],
};
const PLANS = {
  idle: 'Idle', running: 'Running', held: 'Held', succeeded: 'Done', failed: 'Failed',
  cancelled: 'Cancelled',
};

function describe(safety, ageS) {
  if (!safety) {
    return ['NOT HEARD', 'bad', 'No word of the safety monitor yet.',
      'Without its permit the motion gate holds the robot.'];
  }
  if (ageS > SILENT_S) {
    return ['SILENT', 'bad', `No word of the safety monitor for ${number(ageS)} s.`,
      'The motion gate holds the robot; the last permit counts no more.'];
  }
  const [word, tone, meaning] = MODES[safety.mode] ?? MODES.stopped;
  return [word, tone, safety.cause || 'Nothing holds the robot.', meaning];
}

export function showSafety(robot) {
  const { safety, safety_age_s: ageS, plan, plan_age_s: planAgeS } = robot;
  const [word, tone, cause, meaning] = describe(safety, ageS);
  const isFresh = safety !== null && ageS <= SILENT_S;
  $('safety').className = `card safety tone-${tone}`;
  text('mode', word);
  text('cause', cause);
  text('meaning', isFresh && safety.mode === 'stopped' && !safety.resettable
    ? `${meaning} A reset would be refused while the cause stands.` : meaning);
  const causes = isFresh ? safety.active_causes : [];
  renew('causes', [causes, tone], () => causes.map((name) => chip(name, tone)));
  text('speed', isFresh ? number(safety.max_linear_speed_mps, 2) : '0.00');
  text('turn', isFresh ? `turning ${number(safety.max_angular_speed_radps, 2)} rad/s` : 'no valid permit');
  showPerson(isFresh ? safety : null);
  showPlan(plan, planAgeS);
}

function showPerson(safety) {
  const near = safety?.nearest_person_m ?? null;
  const guard = safety?.protective_distance_m ?? null;
  text('person', number(near, 2));
  text('protective', guard === null ? (near === null ? 'none known' : '')
    : `${near === null ? 'none known; ' : ''}stops within ${number(guard, 2)} m`);
  const meter = $('distance');
  meter.hidden = near === null || guard === null;
  if (meter.hidden) return;
  const full = Math.max(2.5 * guard, 3);
  meter.firstElementChild.style.width = `${Math.min(100, (guard / full) * 100)}%`;
  meter.lastElementChild.style.left = `${Math.min(99, (near / full) * 100)}%`;
}

function showPlan(plan, ageS) {
  const isOld = plan && ageS > PLAN_SILENT_S;
  text('plan', plan ? isOld ? 'Not heard' : PLANS[plan.state] ?? plan.state : NONE);
  const isBusy = plan && !isOld && (plan.state === 'running' || plan.state === 'held');
  text('plan-text', isOld ? `no word of the skill executor for ${number(ageS, 0)} s` : plan
    ? [isBusy && plan.skill ? `${plan.skill}, step ${plan.step} of ${plan.steps}.` : '', plan.message]
      .filter(Boolean).join(' ')
    : 'no word of the skill executor yet');
  const count = plan ? Math.min(plan.steps, 24) : 0;
  const done = plan?.state === 'succeeded' ? count : (plan?.step ?? 1) - 1;
  renew('steps', [count, done, isBusy], () => Array.from({ length: count }, (_, i) =>
    make('i', i < done ? 'done' : i === done && isBusy ? 'now' : '')));
}
