import { describe, expect, test } from 'vitest';
import { findQuestionFault, isPlainPasswordPrompt } from '../../src/ssh/login/questions.ts';

const OPS = { user: 'ops' };
const ask = (prompt: string, more: { echo?: boolean; around?: string; named?: RegExp } = {}) =>
  findQuestionFault([{ prompt, echo: more.echo ?? false }], more.around ?? '', {
    ...OPS,
    ...(more.named === undefined ? {} : { prompt: more.named }),
  });

describe('a question for the password, and for nothing else', () => {
  test.each([
    'Password: ',
    'password:',
    "ops@web1's password: ",
    'Password for ops@web1.lan:',
    'Password for ops: ',
    '(ops@10.0.0.1) Password: ',
    'Enter your password: ',
    'UNIX password: ',
    '密码：',
    '密碼：',
    '口令：',
    '请输入密码：',
    'ops@web1 的密码：',
    'ops@web1的密码: ',
    'Passwort: ',
    'Kennwort:',
    'Passwort für ops@web1: ',
    'Mot de passe : ',
    'Mot de passe pour ops@web1 : ',
    'Contraseña: ',
    'Contrasen\u0303a:',
    'Пароль: ',
    'パスワード：',
    'ﾊﾟｽﾜｰﾄﾞ:',
    '암호: ',
    '비밀번호: ',
    'Senha: ',
    'Hasło: ',
    'Parola: ',
    'Wachtwoord: ',
    'Lösenord:',
    'Heslo:',
    'Jelszó:',
    'Şifre: ',
  ])('%s gets it', (prompt) => {
    expect(ask(prompt)).toBeUndefined();
  });

  test.each([
    'Verification code: ',
    'Password & verification code: ',
    'One-time password (OATH) for ops: ',
    'One time password:',
    'Enter PASSCODE: ',
    'PIN: ',
    'Password or PIN: ',
    'Token: ',
    'Password + token:',
    'OTP:',
    'Second Factor: ',
    'Duo two-factor login for ops',
    '验证码：',
    '请输入动态口令：',
    '动态密码：',
    '一次性密码:',
    '短信驗證碼：',
    'ワンタイムパスワード：',
    '認証コード:',
    '인증번호: ',
    '일회용 비밀번호:',
    'Код подтверждения: ',
    'Одноразовый пароль: ',
    'Einmalpasswort: ',
    'Bestätigungscode:',
    'Mot de passe à usage unique : ',
    'Contraseña de un solo uso: ',
    'Código de verificación: ',
    'Hasło jednorazowe: ',
  ])('%s is asked for a second factor, and is not answered whatever the inventory says', (prompt) => {
    expect(ask(prompt)).toMatch(/^for a second factor/);
    expect(ask(prompt, { named: /^.*$/iu })).toMatch(/^for a second factor/);
  });

  test.each([
    'New password: ',
    '(current) UNIX password: ',
    'Retype new password: ',
    'Password (again): ',
    'Password for the safe: ',
    'Your favourite colour? ',
    "bob's password: ",
    'Are you sure (yes/no)? ',
    '',
  ])('%s is none that is known, and is quoted', (prompt) => {
    expect(ask(prompt)).toMatch(/^".*", which is not known to be a question for the password/);
  });

  test('the inventory names a question as a whole, in any case', () => {
    const named = /^(?:ACME secret for \w+:)$/iu;
    expect(ask('acme Secret for ops: ', { named })).toBeUndefined();
    expect(ask('ACME secret for ops: and for bob:', { named })).toContain('not known');
    expect(ask('Password: ', { named })).toBeUndefined();
  });

  test('what would be seen, what comes in pairs, what is said around it', () => {
    expect(ask('Password: ', { echo: true })).toContain('would be seen');
    expect(ask('Password: ', { around: 'Enter the one-time password from your phone' })).toContain(
      'second factor',
    );
    expect(ask('Password: ', { around: 'Password Authentication' })).toBeUndefined();
    const pair = [{ prompt: 'Password: ' }, { prompt: 'Code: ' }];
    expect(findQuestionFault(pair, '', OPS)).toBe('2 things at once ("Password:", "Code:")');
  });

  test('a refusal shows nothing that cannot be seen, and no page', () => {
    const fault = ask(`\u001b[2J\u202e${'x'.repeat(150)}`) ?? '';
    expect(fault).toContain('"·[2J·xxx');
    expect(fault.length).toBeLessThan(250);
    expect(ask('x'.repeat(201))).toContain('more than 200 characters');
  });

  test('no pattern of ours or of the inventory takes longer than a host is worth waiting for', () => {
    const startedAt = performance.now();
    for (const text of ['a', ' ', "a's ", '(a) ', ' for a', '的', 'a@', ':> ', 'one', 'код'].map((one) =>
      one.repeat(300_000),
    )) {
      isPlainPasswordPrompt(text, 'ops');
      ask(text);
      ask(text.slice(0, 200), { named: /^(?:(?:(a|a ?)+)+!)$/iu });
    }
    expect(ask(`${'a'.repeat(150)}`, { named: /^(?:(?:(a|a ?)+)+!)$/iu })).toContain('not known');
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});
