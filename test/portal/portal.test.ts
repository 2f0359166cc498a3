/** The portal in a real browser, against a real server. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  chromiumPath,
  keepScreenshot,
  launchBrowser,
  openPage,
  seriousFindings,
} from './browser.ts'
import { startReceiver, startSite } from './site.ts'

const howToInstall = 'chromium is not installed: apt-get install chromium'
if (chromiumPath === undefined) console.warn(`The portal is NOT TESTED here, for ${howToInstall}`)

test.runIf(chromiumPath === undefined && process.env.CI === 'true')('CI tests the portal', () => {
  expect.unreachable(howToInstall)
})

describe.skipIf(chromiumPath === undefined)('the portal', { timeout: 60_000 }, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchBrowser()
  }, 30_000)
  afterAll(() => browser.close())

  const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name })

  test('leads from a new endpoint to a failed delivery that succeeds after a retry', async () => {
    const site = await startSite()
    const receiver = await startReceiver()
    const page = await openPage(browser, site.url)
    await page.getByText('No endpoints yet').waitFor()
    await keepScreenshot(page, 'empty')
    expect(await seriousFindings(page)).toEqual([])

    await button(page, 'Add endpoint').click()
    await page.getByRole('textbox', { name: 'URL' }).fill(`${receiver.url}/hooks`)
    await page.getByLabel('Description').fill('Search index')
    await page.getByLabel('All events').uncheck()
    await page.getByLabel('Everything under document').check()
    await keepScreenshot(page, 'form')
    expect(await seriousFindings(page)).toEqual([])
    await button(page, 'Create endpoint').click()

    const secret = page.getByLabel('Signing secret')
    expect(await secret.inputValue()).toMatch(/^whsec_/)
    await keepScreenshot(page, 'secret')
    expect(await seriousFindings(page)).toEqual([])
    await page.keyboard.press('Escape')
    expect(await secret.isVisible()).toBe(true)
    await button(page, 'I have stored it').click()
    await page.getByRole('heading', { name: 'Search index' }).waitFor()

    receiver.status = 500
    receiver.body = '{"error":"index is read-only"}'
    await site.emit()
    // Nobody reloads: the log is live.
    await page.locator('.list').getByText('Failed').waitFor()
    await keepScreenshot(page, 'endpoint')
    expect(await seriousFindings(page)).toEqual([])

    await page.getByRole('link', { name: 'document.processed' }).click()
    await page.getByRole('heading', { name: 'The receiver failed' }).first().waitFor()
    await page.getByText('index is read-only').waitFor()
    await keepScreenshot(page, 'delivery-failed')
    expect(await seriousFindings(page)).toEqual([])

    receiver.status = 200
    await button(page, 'Retry now').click()
    await page.getByText('Attempt 2').waitFor()
    await page.getByText('Succeeded').first().waitFor()
    await keepScreenshot(page, 'delivery-succeeded')
    expect(receiver.received).toBe(2)
  })

  test('sends a test, changes, switches, rotates, recovers and deletes', async () => {
    const site = await startSite()
    const receiver = await startReceiver()
    const { id } = await site.workspace.endpoints.create({ url: receiver.url, events: ['*'] })
    const page = await openPage(browser, `${site.url}#/endpoints/${id}`)

    await button(page, 'Send test').click()
    await page.getByText('Your receiver answered HTTP 200').waitFor()
    await keepScreenshot(page, 'test')
    expect(await seriousFindings(page)).toEqual([])
    await button(page, 'Done').click()

    await button(page, 'Edit').click()
    await page.getByRole('textbox', { name: 'URL' }).fill('http://169.254.169.254/')
    await button(page, 'Save changes').click()
    await page.getByText('Not saved').waitFor()
    await keepScreenshot(page, 'refused')
    expect(await seriousFindings(page)).toEqual([])
    await page.getByRole('textbox', { name: 'URL' }).fill(`${receiver.url}/new`)
    await button(page, 'Save changes').click()
    await page.getByRole('heading', { name: '/new' }).waitFor()

    await button(page, 'Rotate secret').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click()
    expect(await page.getByLabel('Signing secret').inputValue()).toMatch(/^whsec_/)
    await button(page, 'I have stored it').click()

    receiver.status = 503
    await site.emit()
    await site.emit('document.failed')
    await page.locator('.list').getByText('Failed').nth(1).waitFor()
    receiver.status = 200
    await button(page, 'Recover').click()
    await page.getByText('2 deliveries would be sent now').waitFor()
    await keepScreenshot(page, 'recover')
    expect(await seriousFindings(page)).toEqual([])
    await button(page, 'Send 2 deliveries again').click()
    await page.getByText('2 deliveries queued').waitFor()

    await page.getByRole('button', { name: 'Disable', exact: true }).click()
    await button(page, 'Disable endpoint').click()
    await button(page, 'Enable').click()
    await page.getByRole('button', { name: 'Delete', exact: true }).click()
    await button(page, 'Delete endpoint').click()
    await page.getByText('No endpoints yet').waitFor()
  })

  test('filters the log of all endpoints', async () => {
    const site = await startSite()
    const good = await startReceiver()
    const bad = await startReceiver()
    bad.status = 404
    const { endpoints } = site.workspace
    await endpoints.create({ url: good.url, events: ['*'], description: 'Good' })
    await endpoints.create({ url: bad.url, events: ['*'], description: 'Bad' })
    await site.emit()
    await site.emit('document.failed')
    const page = await openPage(browser, site.url)
    await page.getByRole('link', { name: 'Deliveries' }).click()
    const rows = page.locator('tbody tr')
    await rows.nth(3).waitFor()
    await keepScreenshot(page, 'log')
    expect(await seriousFindings(page)).toEqual([])

    await page.getByLabel('Endpoint').selectOption('Bad')
    await page.getByText('2 in all').waitFor()
    await page.getByLabel('Event').selectOption('document.failed')
    await page.getByText('1 in all').waitFor()
    await page.getByLabel('Status').selectOption('Succeeded')
    await page.getByText('Nothing matches').waitFor()
    await button(page, 'Clear filters').click()
    await page.getByText('4 in all').waitFor()
    await page.getByLabel('Time').selectOption('Last hour')
    await page.getByText('4 in all').waitFor()
    await page.getByLabel('Time').selectOption('From … to …')
    await page.getByLabel('From', { exact: true }).fill('2020-01-01T00:00')
    await page.getByLabel('To', { exact: true }).fill('2020-01-02T00:00')
    await page.getByText('Nothing matches').waitFor()
  })

  test('works by keyboard alone', async () => {
    const site = await startSite()
    const receiver = await startReceiver()
    const page = await openPage(browser, site.url)
    await page.getByText('No endpoints yet').waitFor()
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    const focused = () =>
      page.evaluate('document.activeElement?.textContent || document.activeElement?.tagName')
    await press('Tab')
    expect(await focused()).toBe('Add endpoint')
    await press('Enter')
    await page.getByLabel('All events').waitFor()
    await page.keyboard.type(receiver.url)
    await press('Enter')
    await page.getByLabel('Signing secret').waitFor()
    await press('Tab', 'Tab')
    expect(await focused()).toBe('I have stored it')
    await press('Enter')
    await page.getByRole('heading', { name: receiver.url }).waitFor()
    await press('Tab')
    expect(await focused()).toBe('Send test')
    await press('Enter')
    await page.getByText('Your receiver answered').waitFor()
    await press('Escape')
    // The focus is back where it was.
    expect(await focused()).toBe('Send test')
  })

  test('moves the focus in the same breath as the page, before another key can fall', async () => {
    const site = await startSite()
    const receiver = await startReceiver()
    await site.workspace.endpoints.create({ url: receiver.url, events: ['*'] })
    const page = await openPage(browser, site.url)
    await page.getByRole('link', { name: receiver.url }).waitFor()
    // An observer is told of a change as soon as the script that made it is done.
    await page.evaluate(`
      seen = []
      new MutationObserver(() => {
        const place = document.querySelector('dialog') ?? document.querySelector('h1')
        seen.push(place?.tagName + ' ' + place?.contains(document.activeElement))
      }).observe(document.body, { childList: true, subtree: true })
    `)
    await page.getByRole('link', { name: receiver.url }).click()
    await button(page, 'Send test').click()
    await page.getByText('Your receiver answered').waitFor()
    expect(await page.evaluate('[...new Set(seen)]')).toEqual(['H1 true', 'DIALOG true'])
  })

  test('shows hostile text as text', async () => {
    const site = await startSite()
    const receiver = await startReceiver()
    const hostile = '<img src=x onerror=alert(1)>\u0000\u202e</script><script>alert(2)</script>'
    receiver.status = 400
    receiver.body = hostile
    receiver.headers = { 'x-note': '<b onclick=alert(3)>' }
    const { id } = await site.workspace.endpoints.create({
      url: `${receiver.url}/?<script>alert(4)</script>`,
      events: ['*'],
      description: hostile,
    })
    await site.emit()
    const page = await openPage(browser, `${site.url}#/endpoints/${id}`)
    const shown = '<img src=x onerror=alert(1)>\\u0000\\u202e</script><script>alert(2)</script>'
    await page.getByRole('heading', { name: shown }).waitFor()
    await page.getByRole('link', { name: 'document.processed' }).click()
    await page.locator('pre').getByText(shown).waitFor()
    await page.getByText('<b onclick=alert(3)>').waitFor()
    expect(await page.locator('img, main script, [onclick]').count()).toBe(0)
    await keepScreenshot(page, 'hostile')
  })

  test('fits a phone, and dark rooms', async () => {
    const site = await startSite({ delaysMs: [0, 3_600_000] })
    const receiver = await startReceiver()
    receiver.status = 429
    const { id } = await site.workspace.endpoints.create({
      url: `${receiver.url}/a/rather/long/path/to/the/receiver/of/our/customer`,
      events: ['document.*', 'workspace.*'],
      description: 'Contracts',
    })
    await site.emit()
    const page = await openPage(browser, site.url, {
      viewport: { width: 360, height: 740 },
      colorScheme: 'dark',
      isMobile: true,
    })
    const overflow = () =>
      page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    for (const [name, path] of [
      ['endpoints', '#/'],
      ['endpoint', `#/endpoints/${id}`],
      ['log', '#/deliveries'],
    ] as const) {
      await page.goto(`${site.url}${path}`)
      if (name !== 'endpoints') await page.locator('.list').getByText('Retrying').waitFor()
      await page.getByText('Loading…').first().waitFor({ state: 'detached' })
      await keepScreenshot(page, `phone-dark-${name}`)
      expect(await overflow(), name).toBe(0)
      expect(await seriousFindings(page), name).toEqual([])
    }
    await page.getByRole('link', { name: 'document.processed' }).click()
    await page.getByText('The next attempt is in').waitFor()
    await keepScreenshot(page, 'phone-dark-delivery')
    expect(await overflow()).toBe(0)
    expect(await seriousFindings(page)).toEqual([])

    await page.goto(`${site.url}#/endpoints/${id}`)
    await button(page, 'Edit').click()
    await page.getByLabel('Everything under document').waitFor()
    await keepScreenshot(page, 'phone-dark-form')
    expect(await seriousFindings(page)).toEqual([])
  })

  test('saves no change over one that was made behind its form', async () => {
    const site = await startSite()
    const receiver = await startReceiver()
    const { endpoints } = site.workspace
    const { id } = await endpoints.create({ url: receiver.url, events: ['*'] })
    const page = await openPage(browser, `${site.url}#/endpoints/${id}`)
    await button(page, 'Edit').click()
    await page.getByRole('textbox', { name: /Description/ }).fill('mine')
    await endpoints.update(id, { url: `${receiver.url}/moved` })
    // The page behind the form has loaded it.
    await page.getByRole('heading', { name: '/moved', includeHidden: true }).waitFor()
    await button(page, 'Save changes').click()
    await page.getByText('Not saved').waitFor()
    expect(await endpoints.get(id)).toMatchObject({
      url: `${receiver.url}/moved`,
      description: '',
    })
  })

  test('offers only what the visitor may do', async () => {
    const site = await startSite({ actions: ['read'] })
    const receiver = await startReceiver()
    const { id } = await site.workspace.endpoints.create({ url: receiver.url, events: ['*'] })
    await site.emit()
    const page = await openPage(browser, `${site.url}#/endpoints/${id}`)
    await page.getByRole('link', { name: 'document.processed' }).waitFor()
    expect(await page.locator('.actions button').count()).toBe(0)
    await page.getByRole('link', { name: 'document.processed' }).click()
    await page.getByText('You are not permitted to see this.').first().waitFor()
    expect(await button(page, 'Send again').count()).toBe(0)
  })

  test('says so when the visitor is signed out meanwhile', async () => {
    const site = await startSite()
    const page = await openPage(browser, site.url)
    await page.getByText('No endpoints yet').waitFor()
    site.visitor.signedIn = false
    await page.getByText('You are not signed in any more').waitFor()
    await button(page, 'Reload').waitFor()
  })
})
